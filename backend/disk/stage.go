package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A tempPartition is a partition that the kernel has but the table does not. Through it, space is cleared or
// filled while it cannot be mistaken for a volume. It cannot overlap another partition, and writes cannot go
// beyond it. One that a killed process leaves behind is not on the disk: it disappears with the next change
// of the table, or when the kernel rereads the table.
type tempPartition struct {
	path        string
	add, remove host.Step
}

// exists reports whether the node of the temporary partition exists.
func (s *tempPartition) exists() bool {
	_, err := os.Lstat(s.path)
	return err == nil
}

// tempPartition plans a temporary partition, with a number that no partition has.
func (t *table) tempPartition(start, end uint64, kernel []kernelPartition) *tempPartition {
	if t.isMapped {
		name := "poolctl-" + filepath.Base(t.path)
		line := fmt.Sprintf("0 %d linear %s %d", (end-start)/sector, t.path, start/sector)
		return &tempPartition{
			path:   "/dev/mapper/" + name,
			add:    host.Cmd("dmsetup", "create", "--table", line, "--", name),
			remove: host.Cmd("dmsetup", "remove", "--", name),
		}
	}
	number := 1
	for _, x := range t.partitions {
		number = max(number, x.number+1)
	}
	for _, k := range kernel {
		number = max(number, k.number+1)
	}
	return &tempPartition{
		path: t.partition(number),
		add: host.Cmd(
			"addpart", t.path, fmt.Sprint(number), fmt.Sprint(start/sector), fmt.Sprint((end-start)/sector),
		),
		remove: forget(t.device, number),
	}
}

// forget returns the step that removes a partition from the kernel. It retries while another program has the
// partition open briefly.
func forget(d *device, number int) host.Step {
	c := host.Cmd("delpart", d.path, fmt.Sprint(number))
	c.RetryOn = "busy"
	return c
}

// withTempPartition calls work with a temporary partition on free space, and removes the temporary partition
// afterwards.
func (b *Backend) withTempPartition(
	ctx context.Context, t *table, start, end uint64, work func(path string) error,
) error {
	kernel, err := t.kernelPartitions()
	if err != nil {
		return err
	}
	s := t.tempPartition(start, end, kernel)
	if t.isMapped && s.exists() {
		err = b.Host.Change(ctx, s.remove)
	}
	if err == nil {
		err = b.addTempPartition(ctx, t, s, start, end)
	}
	if err == nil {
		err = work(s.path)
	}
	host.Settle(context.WithoutCancel(ctx), b.Host) // udev inspects the new device
	if err == nil {
		err = b.Host.Change(ctx, s.remove)
	}
	if err != nil && s.exists() {
		err = errors.Join(err, b.Host.Change(context.WithoutCancel(ctx), s.remove))
	}
	return err
}

// addTempPartition removes stray partitions from the space, and adds a temporary partition. The kernel may
// find the whole-disk partitions of SGI and Sun labels again whenever a program opens the disk, and addpart
// itself opens it. So addTempPartition retries.
func (b *Backend) addTempPartition(ctx context.Context, t *table, s *tempPartition, start, end uint64) error {
	for left := 2; ; left-- {
		if err := b.removeStrays(ctx, t, start, end); err != nil { // the step itself retries for long enough
			return err
		}
		err := b.Host.Change(ctx, s.add)
		if exit := (*host.ExitError)(nil); left == 0 || !errors.As(err, &exit) ||
			!strings.Contains(exit.Stderr, "busy") {
			return err
		}
	}
}

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
		return t.find(
			func(x partition) bool {
				return k.matches(&x) || x.kind != extended && k.start < x.end && x.start < k.end
			},
		) != nil
	})
}

// Sweep implements backend.Sweeper. It does nothing while another program holds the disk's lock.
func (b *Backend) Sweep(ctx context.Context, p *pooldef.Pool) (swept []string, err error) {
	d, err := b.device(p)
	if err != nil {
		return nil, err
	}
	unlock, err := host.TryLockDevice(d.path, d.dir)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer host.Settle(context.WithoutCancel(ctx), b.Host)
	defer unlock()
	host.Forget(b.Host)
	t, err := b.table(ctx, p)
	if err != nil {
		return nil, err
	}
	return b.sweep(ctx, t)
}

func (b *Backend) sweep(ctx context.Context, t *table) (swept []string, err error) {
	if s := t.tempPartition(0, 0, nil); t.isMapped {
		if !s.exists() {
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
			return swept, err
		}
		swept = append(swept, path)
	}
	return swept, err
}

// lock locks a disk against other programs, and invalidates earlier query results.
func (b *Backend) lock(ctx context.Context, d *device) (unlock func(), err error) {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	defer host.Forget(b.Host)
	unlock, err = host.LockDevice(limited, d.path, d.dir)
	if backend.IsTimeout(ctx, err) {
		err = &pooldef.LockError{What: fmt.Sprintf("the disk %q", d.path)}
	}
	return unlock, err
}

// withLockedTable locks a pool's disk, reads its table and calls change. It returns when udev has updated the
// nodes.
func (b *Backend) withLockedTable(ctx context.Context, p *pooldef.Pool, change func(t *table) error) error {
	d, err := b.device(p)
	if err != nil {
		return err
	}
	unlock, err := b.lock(ctx, d)
	if err != nil {
		return err
	}
	t, err := b.table(ctx, p)
	if err == nil {
		err = d.checkUnused()
	}
	if err == nil {
		err = change(t)
	}
	unlock()
	host.Settle(context.WithoutCancel(ctx), b.Host)
	return err
}

// checkUnused returns an error if the whole disk is part of another device, such as a multipath device or a
// RAID. It ignores the holders of a mapped disk, which are its partitions.
func (d *device) checkUnused() error {
	if d.isMapped {
		return nil
	}
	holders, err := os.ReadDir(d.dir + "/holders")
	if err != nil || len(holders) == 0 {
		return err
	}
	busy := &backend.BusyError{Path: d.path}
	for _, h := range holders {
		busy.Users = append(busy.Users, "held by "+h.Name())
	}
	return busy
}

// commit changes the table. Once begun, the change is not cancelled, because that could leave half a table.
func (b *Backend) commit(ctx context.Context, c host.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.Host.Change(context.WithoutCancel(ctx), c)
}

// checkNotInUse returns an error if one of the partitions is in use. A partition without a node cannot be.
func (b *Backend) checkNotInUse(t *table, partitions ...partition) error {
	for _, x := range partitions {
		path := t.partition(x.number)
		users, err := b.Host.DeviceUsers(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return &backend.BusyError{Path: path, Users: users}
		}
	}
	return nil
}
