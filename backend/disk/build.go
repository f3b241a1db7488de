package disk

import (
	"context"
	"errors"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// ends is the number of bytes to clear at each end of a disk, as in libvirt.
const ends = 1 << 20

// Build implements backend.Builder. It writes a new label. It refuses a disk that is in use, and one with
// content unless o.Overwrite is set.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	if format(p) == "lvm2" {
		return &backend.UnsupportedError{Type: p.Type, What: "creating a disk label of format lvm2"}
	}
	d, err := b.device(p)
	if err != nil {
		return err
	}
	if o.IfMissing {
		if t, err := b.read(ctx, d); err != nil || t.label == format(p) {
			return err
		}
	}
	unlock, err := b.lock(ctx, d)
	if err != nil {
		return err
	}
	defer host.Settle(context.WithoutCancel(ctx), b.Host)
	defer unlock()
	users, err := b.Host.DeviceUsers(d.path)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return &backend.BusyError{Path: d.path, Users: users}
	}
	holds, err := b.content(ctx, d)
	if err != nil {
		return err
	}
	if holds != "" && !o.Overwrite {
		return &backend.ContentError{Pool: p.Name, Device: p.Source.Devices[0].Path, Holds: holds}
	}
	if holds != "" {
		if err := b.clear(ctx, d); err != nil {
			return err
		}
	}
	err = b.commit(ctx, parted(d, "mklabel", partedLabel(format(p))))
	if err != nil {
		err = errors.Join(err, b.clear(context.WithoutCancel(ctx), d))
	}
	return err
}

// content returns a description of a disk's content, or "" if the disk is empty. parted knows some labels
// that wipefs does not.
func (b *Backend) content(ctx context.Context, d *device) (string, error) {
	found, err := host.Signatures(ctx, b.Host, d.path)
	if err != nil || len(found) > 0 {
		return host.Words(found), err
	}
	t, err := b.read(ctx, d)
	if err != nil {
		return "", err
	}
	return t.label, nil
}

// clear removes a disk's signatures, and removes the disk's partitions from the kernel.
func (b *Backend) clear(ctx context.Context, d *device) error {
	if err := b.Host.Change(ctx, host.ZeroEnds{Path: d.path, Length: ends}); err != nil {
		return err
	}
	kernel, err := d.kernelPartitions()
	for _, k := range kernel {
		err = errors.Join(err, b.Host.Change(ctx, forget(d, k.number)))
	}
	return err
}

// DeletePool implements backend.PoolDeleter. It removes the label if the disk has no partitions.
func (b *Backend) DeletePool(ctx context.Context, p *pooldef.Pool) error {
	return b.withLockedTable(ctx, p, func(t *table) error {
		if len(t.partitions) > 0 {
			var names []string
			for _, x := range t.partitions {
				names = append(names, t.name(x.number))
			}
			return &backend.StateError{
				Text: "it has partitions: " + strings.Join(names, ", "),
				Hint: "delete them first (poolctl pool-start, vol-delete)",
			}
		}
		users, err := b.Host.DeviceUsers(t.path)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return &backend.BusyError{Path: t.path, Users: users}
		}
		return b.clear(ctx, t.device)
	})
}
