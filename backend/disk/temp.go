package disk

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"poolctl/backend/host"
)

// A tempPartition is a partition that the kernel has but the table does not. Through it, space is cleared or
// filled while it cannot be mistaken for a volume. It cannot overlap another partition, and writes cannot go
// beyond it. One that a killed process leaves behind is not on the disk: it disappears with the next change
// of the table, or when the kernel rereads the table.
type tempPartition struct {
	path        string
	add, remove host.Step
}

// exists reports whether a temporary partition exists, by its node.
func (b *Backend) exists(s *tempPartition) bool {
	_, err := b.Host.Stat(s.path)
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
	if t.isMapped && b.exists(s) {
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
	if err != nil && b.exists(s) {
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
		if left == 0 || !host.StderrContains(err, "busy") {
			return err
		}
	}
}
