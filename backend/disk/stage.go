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

// A stage is room on a disk that the kernel has as a partition although it stands in no table. There it is cleared or filled, and nobody
// can take it for a volume. It cannot lie over another partition, and what is written into it cannot go beyond it. One that a killed
// process leaves has nothing on the disk: it is gone with the next change of the table, and when the table is read anew.
type stage struct {
	path        string
	add, remove host.Step
}

// isLeft tells whether a stage, or what was one, is there.
func (s *stage) isLeft() bool {
	_, err := os.Lstat(s.path)
	return err == nil
}

// stage plans one. Its number is one that no partition has.
func (t *table) stage(start, end uint64, pieces []piece) *stage {
	if t.isMapped {
		name := "poolctl-" + filepath.Base(t.path)
		line := fmt.Sprintf("0 %d linear %s %d", (end-start)/sector, t.path, start/sector)
		return &stage{path: "/dev/mapper/" + name, add: host.Cmd("dmsetup", "create", "--table", line, "--", name), remove: host.Cmd("dmsetup", "remove", "--", name)}
	}
	number := 1
	for _, x := range t.partitions {
		number = max(number, x.number+1)
	}
	for _, k := range pieces {
		number = max(number, k.number+1)
	}
	return &stage{
		path:   t.partition(number),
		add:    host.Cmd("addpart", t.path, fmt.Sprint(number), fmt.Sprint(start/sector), fmt.Sprint((end-start)/sector)),
		remove: forget(t.device, number),
	}
}

// forget lets the kernel forget a partition. Somebody may be having a look at what is on it.
func forget(d *device, number int) host.Step {
	c := host.Cmd("delpart", d.path, fmt.Sprint(number))
	c.RetryOn = "busy"
	return c
}

// withTempPartition lets work be done on room that no partition has. When it ends, the stage is gone.
func (b *Backend) withTempPartition(ctx context.Context, t *table, start, end uint64, work func(path string) error) error {
	pieces, err := t.pieces()
	if err != nil {
		return err
	}
	s := t.stage(start, end, pieces)
	if t.isMapped && s.isLeft() {
		err = b.Host.Change(ctx, s.remove)
	}
	if err == nil {
		err = b.addStage(ctx, t, s, start, end)
	}
	if err == nil {
		err = work(s.path)
	}
	host.Settle(context.WithoutCancel(ctx), b.Host) // udev has a look at what is new
	if err == nil {
		err = b.Host.Change(ctx, s.remove)
	}
	if err != nil && s.isLeft() {
		err = errors.Join(err, b.Host.Change(context.WithoutCancel(ctx), s.remove))
	}
	return err
}

// addStage makes room for a stage, and adds it. What SGI's and Sun's labels have for all of the disk the kernel may find whenever somebody
// opens that, as does the program that adds the stage: then it is in the way again.
func (b *Backend) addStage(ctx context.Context, t *table, s *stage, start, end uint64) error {
	for left := 2; ; left-- {
		if err := b.vacate(ctx, t, start, end); err != nil { // it has been tried for long
			return err
		}
		err := b.Host.Change(ctx, s.add)
		if exit := (*host.ExitError)(nil); left == 0 || !errors.As(err, &exit) || !strings.Contains(exit.Stderr, "busy") {
			return err
		}
	}
}

// vacate lets the kernel forget what it takes for partitions in room that is free in the table.
func (b *Backend) vacate(ctx context.Context, t *table, start, end uint64) error {
	pieces, err := t.pieces()
	for _, k := range pieces {
		if err == nil && k.start < end && start < k.end && !t.has(k) {
			err = b.Host.Change(ctx, forget(t.device, k.number))
		}
	}
	return err
}

// has tells whether a table has what the kernel takes for a partition, if of another size.
func (t *table) has(k piece) bool {
	return t.find(func(x partition) bool { return k.number == x.number && k.start == x.start }) != nil
}

// strayPartitions are what the kernel takes for partitions in room that is free in the table. What it finds inside of a partition, as BSD's
// slices, is none. Some labels name all of the disk, or what is free of it, as one.
func (t *table) strayPartitions(pieces []piece) []piece {
	return slices.DeleteFunc(slices.Clone(pieces), func(k piece) bool {
		return t.find(func(x partition) bool { return k.is(&x) || x.kind != extended && k.start < x.end && x.start < k.end }) != nil
	})
}

// Sweep implements backend.Sweeper. While somebody else works on the disk nothing is left.
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
	b.Host.Invalidate()
	t, err := b.table(ctx, p)
	if err != nil {
		return nil, err
	}
	return b.sweep(ctx, t)
}

func (b *Backend) sweep(ctx context.Context, t *table) (swept []string, err error) {
	if s := t.stage(0, 0, nil); t.isMapped {
		if !s.isLeft() {
			return nil, nil
		}
		return []string{s.path}, b.Host.Change(ctx, s.remove)
	}
	if t.label != "dos" && t.label != "gpt" {
		return nil, nil
	}
	pieces, err := t.pieces()
	for _, k := range t.strayPartitions(pieces) {
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

// lock keeps others from changing a disk. What was asked before counts no more.
func (b *Backend) lock(ctx context.Context, d *device) (unlock func(), err error) {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	defer b.Host.Invalidate()
	unlock, err = host.LockDevice(limited, d.path, d.dir)
	if backend.IsTimeout(ctx, err) {
		err = &pooldef.LockError{What: fmt.Sprintf("the disk %q", d.path)}
	}
	return unlock, err
}

// changing locks a pool's disk, reads its table and lets it be changed. Afterwards udev has made and removed the nodes.
func (b *Backend) changing(ctx context.Context, p *pooldef.Pool, change func(t *table) error) error {
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

// checkUnused refuses a disk that is as a whole part of something else: a path of a multipath device, a member of a RAID. What is mapped
// on a mapped disk are its partitions.
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

// commit changes the table. Once begun this is not broken off: half a table would be left.
func (b *Backend) commit(ctx context.Context, c host.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.Host.Change(context.WithoutCancel(ctx), c)
}

// checkNotInUse refuses partitions of which one is in use. One without a node nobody can use.
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
