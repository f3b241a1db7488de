package disk

import (
	"context"
	"errors"
	"slices"

	"poolctl/backend/host"
	"poolctl/pooldef"

	"golang.org/x/sys/unix"
)

// removeStrays removes stray partitions from the kernel that overlap space which is free in the table.
func (b *Backend) removeStrays(ctx context.Context, t *table, start, end uint64) error {
	kernel, err := t.kernelPartitions()
	for _, k := range kernel {
		if err == nil && k.start < end && start < k.end && !t.has(k) {
			err = b.Host.Change(ctx, forget(t.device, k.number))
		}
	}
	return err
}

// has reports whether a table has a partition that the kernel knows, perhaps with another size.
func (t *table) has(k kernelPartition) bool {
	return t.find(func(x partition) bool { return k.number == x.number && k.start == x.start }) != nil
}

// strayPartitions returns the kernel's partitions in space that is free in the table. Partitions that the
// kernel finds within a partition, such as BSD slices, are not strays. Some labels describe the whole disk or
// its free space as a partition.
func (t *table) strayPartitions(kernel []kernelPartition) []kernelPartition {
	return slices.DeleteFunc(slices.Clone(kernel), func(k kernelPartition) bool {
		known := t.find(func(x partition) bool {
			return k.matches(&x) || x.kind != extended && k.start < x.end && x.start < k.end
		})
		return known != nil
	})
}

// RemoveStale implements backend.StaleRemover. It does nothing while another program holds the disk's lock.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) (removed []string, err error) {
	d, err := b.device(p)
	if err != nil {
		return nil, err
	}
	unlock, err := host.TryLockDevice(d.path, d.sysPath())
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer host.Settle(context.WithoutCancel(ctx), b.Host)
	defer unlock()
	b.Host.Invalidate()
	t, err := b.table(ctx, p)
	if err != nil {
		return nil, err
	}
	return b.sweep(ctx, t)
}

func (b *Backend) sweep(ctx context.Context, t *table) (removed []string, err error) {
	if s := t.tempPartition(0, 0, nil); t.isMapped {
		if !b.exists(s) {
			return nil, nil
		}
		return []string{s.path}, b.Host.Change(ctx, s.remove)
	}
	if t.label != "dos" && t.label != "gpt" {
		return nil, nil
	}
	kernel, err := t.kernelPartitions()
	for _, k := range t.strayPartitions(kernel) {
		path := t.partition(k.number)
		if users, err := b.Host.DeviceUsers(path); err != nil || len(users) > 0 {
			continue
		}
		if err := b.Host.Change(ctx, forget(t.device, k.number)); err != nil {
			return removed, err
		}
		removed = append(removed, path)
	}
	return removed, err
}
