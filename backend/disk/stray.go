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

// A stray is something that the kernel has, but the table does not, and the step that removes it.
type stray struct {
	path   string
	remove host.Step
}

// strays returns what killed processes have left: temporary partitions that nobody uses.
func (b *Backend) strays(t *table) (found []stray, err error) {
	if s := t.tempPartition(0, 0, nil); t.isMapped {
		if b.exists(s) {
			found = append(found, stray{s.path, s.remove})
		}
		return found, nil
	}
	if t.label != "dos" && t.label != "gpt" {
		return nil, nil
	}
	kernel, err := t.kernelPartitions()
	for _, k := range t.strayPartitions(kernel) {
		path := t.partition(k.number)
		if users, err := b.Host.DeviceUsers(path); err == nil && len(users) == 0 {
			found = append(found, stray{path, forget(t.device, k.number)})
		}
	}
	return found, err
}

// FindStale implements backend.StaleFinder. It finds nothing while another program holds the disk's lock.
func (b *Backend) FindStale(ctx context.Context, p *pooldef.Pool) (left []string, err error) {
	unlock, err := b.tryLock(p)
	if unlock == nil {
		return nil, err
	}
	defer unlock()
	t, err := b.table(ctx, p)
	if err != nil {
		return nil, err
	}
	all, err := b.strays(t)
	for _, s := range all {
		left = append(left, s.path)
	}
	return left, err
}

// RemoveStale implements backend.StaleRemover. It does nothing while another program holds the disk's lock.
func (b *Backend) RemoveStale(ctx context.Context, p *pooldef.Pool) (removed []string, err error) {
	unlock, err := b.tryLock(p)
	if unlock == nil {
		return nil, err
	}
	defer host.Settle(context.WithoutCancel(ctx), b.Host)
	defer unlock()
	b.Host.Invalidate()
	t, err := b.table(ctx, p)
	if err != nil {
		return nil, err
	}
	all, err := b.strays(t)
	for _, s := range all {
		if err := b.Host.Change(ctx, s.remove); err != nil {
			return removed, err
		}
		removed = append(removed, s.path)
	}
	return removed, err
}

// tryLock locks a pool's disk. If another program holds the lock, or there is an error, unlock is nil.
func (b *Backend) tryLock(p *pooldef.Pool) (unlock func(), err error) {
	d, err := b.device(p)
	if err != nil {
		return nil, err
	}
	unlock, err = host.TryLockDevice(d.path, d.sysPath())
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return unlock, err
}
