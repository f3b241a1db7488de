package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Volumes implements backend.Backend.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, (*view).summary)
}

// Details implements backend.DetailLister. One query returns all partitions.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, (*view).detailed)
}

func (b *Backend) list(
	ctx context.Context, p *pooldef.Pool, show func(*view, *partition) *pooldef.Volume,
) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		t, err := b.view(ctx, p)
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(t.partitions, func(x, y partition) int { // names differ in their numbers
			return pooldef.CompareNames(strconv.Itoa(x.number), strconv.Itoa(y.number))
		})
		for i := range t.partitions {
			if !yield(show(t, &t.partitions[i]), nil) {
				return
			}
		}
	}
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	t, err := b.view(ctx, p)
	if err != nil {
		return nil, err
	}
	x, err := t.byName(name)
	if err != nil {
		return nil, err
	}
	return t.detailed(x), nil
}

// A view combines a disk's table, the kernel's partitions, and the names that the pool uses for them.
type view struct {
	*table
	devices blockvol.Devices
	kernel  []kernelPartition
	stable  namer
}

// view inspects a pool's disk. If the kernel's partitions differ from the table while another program holds
// the disk's lock, view tries again.
func (b *Backend) view(ctx context.Context, p *pooldef.Pool) (*view, error) {
	for left := 20; ; left-- {
		t, kernel, err := b.listed(ctx, p)
		if err != nil {
			return nil, err
		}
		if left == 0 || t.matchesKernel(kernel) || !isLocked(t.device) {
			return &view{t, b.Devices, kernel, b.namer(p)}, nil
		}
		if err := host.Sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
		b.Host.Invalidate()
	}
}

// matchesKernel reports whether the kernel has all partitions of the table.
func (t *table) matchesKernel(kernel []kernelPartition) bool {
	return t.isMapped || t.find(func(x partition) bool { return x.in(kernel) == nil }) == nil
}

func isLocked(d *device) bool {
	unlock, err := host.TryLockDevice(d.path, d.sysPath())
	if err == nil {
		unlock()
	}
	return errors.Is(err, unix.EWOULDBLOCK)
}

// byName returns the partition with a volume's name.
func (t *table) byName(name string) (*partition, error) {
	if n := t.number(name); n > 0 {
		if x := t.byNumber(n); x != nil {
			return x, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

// transferableVolume returns a volume whose data can be transferred. An extended partition contains only the
// table of the logical partitions.
func (b *Backend) transferableVolume(
	ctx context.Context, p *pooldef.Pool, name string,
) (*pooldef.Volume, error) {
	v, err := b.Volume(ctx, p, name)
	if err == nil && v.Target.Format == extended {
		err = &backend.UnsupportedError{Type: p.Type, What: "reading or writing an extended partition"}
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Locate implements backend.Locator.
func (b *Backend) Locate(_ context.Context, p *pooldef.Pool, pathOrKey string) (string, bool) {
	d, err := b.device(p)
	if err != nil {
		return "", false
	}
	for _, path := range []string{pathOrKey, b.Host.Canonical(pathOrKey)} {
		if number := d.number(filepath.Base(path)); number > 0 && path == d.partition(number) {
			return d.name(number), true
		}
	}
	return "", false
}

// summary returns the volume as listings show it. As in libvirt, its key is its path.
func (t *view) summary(x *partition) *pooldef.Volume {
	path := t.stable(t.partition(x.number))
	v := &pooldef.Volume{
		Type:   "block",
		Name:   t.name(x.number),
		Key:    path,
		Target: pooldef.VolumeTarget{Path: path, Format: x.format()},
	}
	v.Extents = []pooldef.Extent{{Device: t.path, Start: x.start, End: x.end}}
	return v
}

// format returns libvirt's name for a partition's type, as far as the flags determine it.
func (x *partition) format() string {
	if x.kind == extended {
		return extended
	}
	for _, format := range []string{"linux-swap", "linux-lvm", "linux-raid"} {
		if slices.Contains(x.flags, flags[format]) {
			return format
		}
	}
	return "none"
}

// flags maps formats to parted's flags.
var flags = map[string]string{"linux-swap": "swap", "linux-lvm": "lvm", "linux-raid": "raid"}

// detailed returns a volume with all details. The allocation of an extended partition is that of its logical
// partitions.
func (t *view) detailed(x *partition) *pooldef.Volume {
	v := t.summary(x)
	size := pooldef.Bytes(x.end - x.start)
	v.Capacity, v.Allocation, v.Physical = size, size, size
	if x.kind == extended {
		v.Allocation.Bytes = 0
		for _, other := range t.partitions {
			if other.kind == logical {
				v.Allocation.Bytes += other.end - other.start
			}
		}
	}
	if !t.isMapped {
		k := x.in(t.kernel)
		if k == nil {
			v.Err = fmt.Errorf("the kernel has not reread the partition table: partprobe %s", t.path)
			return v
		}
		v.Physical.Bytes = k.end - k.start
	}
	if err := t.devices.StatDevice(&v.Target, v.Target.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.Err = err // without udev, the node may not exist
	}
	return v
}

// in returns the kernel's partition that the table describes as x, or nil.
func (x *partition) in(kernel []kernelPartition) *kernelPartition {
	i, found := slices.BinarySearchFunc(
		kernel, x.number, func(k kernelPartition, number int) int { return k.number - number },
	)
	if !found || !kernel[i].matches(x) {
		return nil
	}
	return &kernel[i]
}

// matches reports whether the kernel has the partition as the table describes it.
func (k kernelPartition) matches(x *partition) bool {
	return k.number == x.number && k.start == x.start && (k.end == x.end || x.kind == extended)
}
