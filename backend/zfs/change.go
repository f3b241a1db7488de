package zfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Delete implements backend.Deleter. It refuses a volume with snapshots or clones.
func (b *Backend) Delete(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.delete(ctx, p, name, false)
}

// DeleteWithSnapshots implements backend.SnapshotDeleter. It refuses a volume with clones: they are volumes
// themselves, and need the snapshots.
func (b *Backend) DeleteWithSnapshots(ctx context.Context, p *pooldef.Pool, name string) error {
	return b.delete(ctx, p, name, true)
}

func (b *Backend) delete(ctx context.Context, p *pooldef.Pool, name string, withSnapshots bool) error {
	if _, _, err := b.find(ctx, p, name); err != nil {
		return err
	}
	if err := b.checkNotInUse(p, name); err != nil {
		return err
	}
	c := destroy(p, name)
	if withSnapshots {
		all, err := b.snapshots(ctx, p, name)
		if err == nil {
			err = checkNoHolds(p, all)
		}
		if err != nil {
			return err
		}
		c.Args = slices.Insert(c.Args, 1, "-r")
	}
	err := b.change(ctx, p, c)
	host.Settle(context.WithoutCancel(ctx), b.Host)
	if host.StderrContains(err, "has children", "has dependent clones") {
		return cmp.Or(b.checkNoDependents(ctx, p, name), err)
	}
	return mapErrNotFound(err, name)
}

// checkNoDependents returns an error that lists what prevents the deletion of a volume.
func (b *Backend) checkNoDependents(ctx context.Context, p *pooldef.Pool, name string) error {
	snapshots, clones, err := b.dependents(ctx, p, name)
	switch {
	case err != nil, len(snapshots) == 0:
		return err
	case len(clones) > 0:
		return &backend.StateError{
			Text: "these clones depend on it: " + strings.Join(clones, ", "),
			Hint: "delete them first, or make one the owner of the blocks with zfs promote",
		}
	}
	return &backend.StateError{
		Text: "it has snapshots, which would be deleted too: " + strings.Join(snapshots, ", "),
		Hint: "--delete-snapshots deletes them too",
	}
}

// dependents queries a volume's snapshots and their clones.
func (b *Backend) dependents(
	ctx context.Context, p *pooldef.Pool, name string,
) (snapshots, clones []string, err error) {
	out, err := b.query(
		ctx, p.Source.Name,
		host.Cmd("zfs", "list", "-Hp", "-d", "1", "-t", "snapshot", "-o", "name,clones", "--", key(p, name)),
	)
	for line := range strings.Lines(string(out)) {
		snapshot, of, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		_, snapshot, _ = strings.Cut(snapshot, "@")
		snapshots = append(snapshots, snapshot)
		if of != "" && of != "-" {
			clones = append(clones, strings.Split(of, ",")...)
		}
	}
	slices.Sort(clones)
	return snapshots, clones, err
}

// mapErrNotFound converts ZFS's error about a missing dataset into an error that wraps backend.ErrNoVolume.
func mapErrNotFound(err error, name string) error {
	if host.StderrContains(err, "dataset does not exist") {
		return fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return err
}

// checkNotInUse returns an error that names the users if a volume is in use.
func (b *Backend) checkNotInUse(p *pooldef.Pool, name string) error {
	if !b.hasDevice(p, name) { // ZFS itself refuses it, but cannot name the users
		return nil
	}
	if users := b.Users(path(p, name)); len(users) > 0 {
		return &backend.BusyError{Path: path(p, name), Users: users}
	}
	return nil
}

// Rename implements backend.Renamer. Processes that use the volume are not affected.
func (b *Backend) Rename(ctx context.Context, p *pooldef.Pool, name, newName string) error {
	r, l, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	if err := checkName(p, newName); err != nil || newName == name {
		return err
	}
	if l.child(newName) != nil {
		return existError(p, newName)
	}
	err = b.change(ctx, p, rename(p, name, newName))
	switch {
	case err == nil:
		_ = b.await(ctx, p, newName, r.volmode) // the rename has succeeded
		return nil
	case host.StderrContains(err, "dataset already exists"):
		err = existError(p, newName)
	}
	return errors.Join(mapErrNotFound(err, name), b.renameBack(context.WithoutCancel(ctx), p, r, newName))
}

// renameBack undoes a rename that returned an error but took effect.
func (b *Backend) renameBack(ctx context.Context, p *pooldef.Pool, r *row, newName string) error {
	l, err := b.list(ctx, p)
	if err != nil {
		return err
	}
	if now := l.child(newName); now == nil || now.guid != r.guid {
		return nil
	}
	return b.Host.Change(ctx, rename(p, newName, r.name))
}

// Resize implements backend.Resizer. It rounds the size up to whole blocks. The volume may be in use when it
// grows. A volume with all its space reserved stays fully reserved; a sparse volume gets a reservation for
// the new space only with o.Allocate.
func (b *Backend) Resize(
	ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions,
) error {
	r, l, err := b.find(ctx, p, name)
	if err != nil {
		return err
	}
	rounded := max(r.rounded(size), r.block)
	if backend.HasSize(r.size, size, rounded) {
		return nil
	}
	if err := o.CheckShrink(r.size, rounded); err != nil {
		return err
	}
	if rounded < r.size {
		return b.shrink(ctx, p, r, rounded)
	}
	words := []string{}
	if o.Allocate && r.reserved < r.size {
		words = append(words, fmt.Sprintf("refreservation=%d", r.reserved+rounded-r.size))
	}
	err = translateNoSpace(mapErrNotFound(b.change(ctx, p, resize(p, name, rounded, words...)), name), l)
	if err != nil {
		err = errors.Join(err, b.shrinkBack(context.WithoutCancel(ctx), p, r))
	}
	return err
}

// Trim implements backend.Trimmer. What is not allocated reads as zeros.
func (b *Backend) Trim(ctx context.Context, p *pooldef.Pool, name string, progress host.Progress) error {
	v, err := b.Find(ctx, p, name)
	if err != nil {
		return err
	}
	return b.Host.Change(ctx, host.DigHoles{Path: v.Target.Path, Progress: progress})
}

// shrink reduces a volume that is not in use. ZFS itself would not check that.
func (b *Backend) shrink(ctx context.Context, p *pooldef.Pool, r *row, size uint64) error {
	if r.volmode != "none" {
		if err := b.checkNode(ctx, p, r); err != nil {
			return err
		}
	}
	if err := b.checkNotInUse(p, r.name); err != nil {
		return err
	}
	return mapErrNotFound(b.change(ctx, p, resize(p, r.name, size)), r.name)
}

func resize(p *pooldef.Pool, name string, size uint64, more ...string) host.Step {
	return zfs(slices.Concat([]string{"set", fmt.Sprintf("volsize=%d", size)}, more, []string{key(p, name)})...)
}

// shrinkBack undoes a growth that took effect.
func (b *Backend) shrinkBack(ctx context.Context, p *pooldef.Pool, old *row) error {
	l, err := b.list(ctx, p)
	if err != nil {
		return err
	}
	now := l.child(old.name)
	if now == nil || now.guid != old.guid || now.size == old.size && now.reserved == old.reserved {
		return nil
	}
	return b.Host.Change(ctx, resize(p, old.name, old.size, fmt.Sprintf("refreservation=%d", old.reserved)))
}
