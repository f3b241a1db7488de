package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Volumes implements backend.Backend.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, (*view).named)
}

// Details implements backend.Detailer: one question tells of all.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, (*view).described)
}

func (b *Backend) list(ctx context.Context, p *pooldef.Pool, show func(*view, *partition) *pooldef.Volume) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		t, err := b.view(ctx, p)
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(t.partitions, func(x, y partition) int { return pooldef.CompareNames(t.name(x.number), t.name(y.number)) })
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
	x, err := t.called(name)
	if err != nil {
		return nil, err
	}
	return t.described(x), nil
}

// A view is a disk's table, what the kernel has made of it, and what the pool calls the partitions.
type view struct {
	*table
	devices blockvol.Devices
	pieces  []piece
	stable  names
}

// view looks at a pool's disk. While somebody is just changing it, it looks again a moment later.
func (b *Backend) view(ctx context.Context, p *pooldef.Pool) (*view, error) {
	for left := 20; ; left-- {
		t, err := b.table(ctx, p)
		if err != nil {
			return nil, err
		}
		pieces, err := t.pieces()
		if err != nil || left == 0 || t.isRead(pieces) || !isLocked(t.device) {
			return &view{t, b.Devices, pieces, b.names(p)}, err
		}
		if err := host.Sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
		b.Host.Invalidate()
	}
}

// isRead tells whether the kernel has all partitions as they stand in the table.
func (t *table) isRead(pieces []piece) bool {
	return t.isMapped || t.find(func(x partition) bool { return !slices.ContainsFunc(pieces, func(k piece) bool { return k.is(&x) }) }) == nil
}

func isLocked(d *device) bool {
	unlock, err := host.TryLockDevice(d.path, d.dir)
	if err == nil {
		unlock()
	}
	return errors.Is(err, unix.EWOULDBLOCK)
}

// called returns the partition that a volume is.
func (t *table) called(name string) (*partition, error) {
	if n := t.number(name); n > 0 {
		if x := t.numbered(n); x != nil {
			return x, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

// withData returns a volume whose data can be moved. An extended partition has none but the table of the logical ones.
func (b *Backend) withData(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
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

// named returns what a listing tells of a partition. Its key is its path, as with libvirt.
func (t *view) named(x *partition) *pooldef.Volume {
	path := t.stable(t.partition(x.number))
	v := &pooldef.Volume{Type: "block", Name: t.name(x.number), Key: path, Target: pooldef.VolumeTarget{Path: path, Format: x.format()}}
	v.Extents = []pooldef.Extent{{Device: t.path, Start: x.start, End: x.end}}
	return v
}

// format is libvirt's word for what a partition is for, as far as its flags tell.
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

// flags are parted's flags for formats.
var flags = map[string]string{"linux-swap": "swap", "linux-lvm": "lvm", "linux-raid": "raid"}

// described returns all that is known of a partition. Of an extended one the logical ones are allocated.
func (t *view) described(x *partition) *pooldef.Volume {
	v := t.named(x)
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
		i := slices.IndexFunc(t.pieces, func(k piece) bool { return k.is(x) })
		if i < 0 {
			v.Err = fmt.Errorf("the kernel has not read the partition table anew: partprobe %s", t.path)
			return v
		}
		v.Physical.Bytes = t.pieces[i].end - t.pieces[i].start
	}
	if err := t.devices.Look(&v.Target, v.Target.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.Err = err // without udev there may be no node
	}
	return v
}

// is tells whether the kernel has a partition as it stands in the table.
func (k piece) is(x *partition) bool {
	return k.number == x.number && k.start == x.start && (k.end == x.end || x.kind == extended)
}
