package zfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// Build implements backend.Builder. It runs zpool create with the devices that the definition names, or zfs
// create if the source is a dataset in a zpool. Neither gets a mount point. Build refuses devices that are in
// use, and devices with content unless o.Overwrite is set.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	name, err := dataset(p)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if strings.Contains(name, "/") {
		return b.buildDataset(ctx, p, name, o.IfMissing)
	}
	if len(p.Source.Devices) == 0 {
		return pooldef.Problems{{Element: "source/device", Text: "missing: a zpool needs devices"}}
	}
	if o.IfMissing {
		if built, err := b.isBuilt(ctx, p, name); built || err != nil {
			return err
		}
	}
	if stateOf(b.Host, name) != "" {
		return &pooldef.ConflictError{Text: fmt.Sprintf("a zpool %q exists already", name)}
	}
	full, err := b.CheckSources(ctx, p, o.Overwrite)
	if err == nil && len(full) > 0 {
		err = b.Host.Change(ctx, host.Cmd("wipefs", append([]string{"--all", "--quiet", "--"}, full...)...))
	}
	if err != nil {
		return err
	}
	err = b.Host.Change(
		ctx, host.Cmd("zpool", append([]string{"create", "-m", "none", "--", name}, blockvol.Sources(p)...)...),
	)
	if err != nil && stateOf(b.Host, name) != "" {
		err = errors.Join(err, b.destroyZpool(context.WithoutCancel(ctx), p))
	}
	return err
}

// isBuilt reports whether the zpool is imported, or is on all devices that the definition names.
func (b *Backend) isBuilt(ctx context.Context, p *pooldef.Pool, name string) (bool, error) {
	if stateOf(b.Host, name) != "" {
		return true, nil
	}
	for _, d := range blockvol.Sources(p) {
		has := false
		for _, node := range append([]string{d}, b.partitions(d)...) {
			found, err := host.Signatures(ctx, b.Host, node)
			if err != nil {
				return false, err
			}
			has = has || slices.ContainsFunc(found, func(s host.Signature) bool {
				return s.Type == "zfs_member" && s.Label == name
			})
		}
		if !has {
			return false, nil
		}
	}
	return true, nil
}

// buildDataset creates a dataset in a zpool that is imported.
func (b *Backend) buildDataset(ctx context.Context, p *pooldef.Pool, name string, ifMissing bool) error {
	if err := b.checkUsable(name); err != nil {
		return err
	}
	_, err := b.list(ctx, p)
	switch {
	case err == nil && ifMissing:
		return nil
	case err == nil:
		return &pooldef.ConflictError{Text: fmt.Sprintf("a dataset %q exists already", name)}
	case !errors.As(err, new(*backend.StateError)):
		return err
	}
	err = b.change(ctx, p, zfs("create", "-o", "mountpoint=none", "--", name))
	if host.StderrContains(err, "parent does not exist") {
		return &backend.StateError{Text: fmt.Sprintf("the dataset above %q does not exist", name)}
	}
	if err != nil {
		if _, none := b.list(context.WithoutCancel(ctx), p); none == nil {
			err = errors.Join(err, b.Host.Change(context.WithoutCancel(ctx), zfs("destroy", "--", name)))
		}
	}
	return err
}

// DeletePool implements backend.PoolDeleter. It removes the dataset if it is empty. With a zpool it also
// removes ZFS's labels from the devices that the definition names.
func (b *Backend) DeletePool(ctx context.Context, p *pooldef.Pool) error {
	name, err := dataset(p)
	if err != nil {
		return err
	}
	imported, err := b.importZpool(ctx, p, blockvol.Sources(p))
	if err != nil {
		return err
	}
	isDry := imported && stateOf(b.Host, name) == "" // a dry run cannot inspect the zpool
	if !isDry {
		err = b.checkEmpty(ctx, p, name)
	}
	if err == nil {
		if strings.Contains(name, "/") {
			err = b.change(ctx, p, zfs("destroy", "--", name))
		} else {
			err = b.destroyZpool(ctx, p)
		}
	}
	if imported && stateOf(b.Host, name) != "" {
		err = errors.Join(err, b.exportZpool(context.WithoutCancel(ctx), name))
	}
	return err
}

// checkEmpty returns an error if a dataset contains anything. A dataset with a mount point could contain
// files.
func (b *Backend) checkEmpty(ctx context.Context, p *pooldef.Pool, name string) error {
	l, err := b.listTypes(ctx, p, "filesystem,volume,snapshot")
	if err != nil {
		return err
	}
	var left []string
	for _, r := range l.children {
		left = append(left, r.name)
	}
	slices.SortFunc(left, pooldef.CompareNames)
	mounts, err := b.mounted(name)
	switch {
	case err != nil:
		return err
	case len(left) > 0:
		return &backend.StateError{
			Text: fmt.Sprintf("the dataset %q is not empty: it contains %s", name, strings.Join(left, ", ")),
			Hint: "delete them first (poolctl pool-start, vol-delete; zfs destroy)",
		}
	case len(mounts) > 0:
		return &backend.BusyError{Path: name, Users: mounts}
	case l.mountpoint != "none":
		return &backend.StateError{
			Text: fmt.Sprintf(
				"the dataset %q is a file system with mount point %q: it may contain files", name,
				l.mountpoint,
			),
			Hint: "zfs set mountpoint=none " + shell.Quote(name) + ", if it has none",
		}
	}
	return nil
}

// destroyZpool destroys a zpool, and removes its labels.
func (b *Backend) destroyZpool(ctx context.Context, p *pooldef.Pool) error {
	c := host.Cmd("zpool", "destroy", "--", zpool(p.Source.Name))
	c.RetryOn = "pool is busy"
	if err := b.change(ctx, p, c); err != nil {
		return err
	}
	return b.clearLabels(ctx, p)
}
