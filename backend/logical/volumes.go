package logical

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Volumes implements backend.Backend: LVM is asked only for what stands in its metadata.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, fewFields, func(v *logicalVolume, _ index) *pooldef.Volume { return named(p, v) })
}

// Details implements backend.Detailer. Thin pools are no volumes.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, allFields, func(v *logicalVolume, all index) *pooldef.Volume {
		return b.described(p, v, all)
	})
}

func (b *Backend) list(
	ctx context.Context, p *pooldef.Pool, fields string, show func(*logicalVolume, index) *pooldef.Volume,
) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		all, err := b.logicals(ctx, p, fields)
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(all, func(v, w *logicalVolume) int { return pooldef.CompareNames(v.Name, w.Name) })
		byName := indexOf(all)
		for _, v := range all {
			if !v.isVolume() {
				continue
			}
			if d := show(v, byName); d != nil && !yield(d, nil) {
				return
			}
		}
	}
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	v, all, err := b.find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	d := b.described(p, v, indexOf(all))
	if d == nil {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return d, nil
}

// find asks for a volume, and all others with it.
func (b *Backend) find(ctx context.Context, p *pooldef.Pool, name string) (*logicalVolume, []*logicalVolume, error) {
	all, err := b.logicals(ctx, p, allFields)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range all {
		if v.Name == name && v.isVolume() {
			return v, all, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

// transferableVolume returns a volume whose data can be moved.
func (b *Backend) transferableVolume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	v, _, err := b.find(ctx, p, name)
	if err == nil {
		err = mustBeActive(p, v)
	}
	if err != nil {
		return nil, err
	}
	return named(p, v), nil
}

func mustBeActive(p *pooldef.Pool, v *logicalVolume) error {
	switch {
	case v.isActive():
		return nil
	case v.isOverflowed():
		return errOverflowed
	}
	return &backend.StateError{Text: fmt.Sprintf("the logical volume %q is not active", v.Name),
		Hint: "lvchange -ay -K -- " + p.Source.Name + "/" + v.Name}
}

var (
	errOverflowed = &backend.StateError{Text: "the snapshot has overflowed: it had not enough room for changes, and its data are lost"}
	errPartial    = &backend.StateError{Text: "a device that it is on is missing"}
)

func path(p *pooldef.Pool, name string) string { return dir(p.Source.Name) + "/" + name }

func named(p *pooldef.Pool, v *logicalVolume) *pooldef.Volume {
	return &pooldef.Volume{Type: "block", Name: v.Name, Key: v.UUID, Target: pooldef.VolumeTarget{Path: path(p, v.Name)}}
}

// described returns all that is known of a volume, nil if it has gone meanwhile. Of one that is not active there are no permissions.
func (b *Backend) described(p *pooldef.Pool, v *logicalVolume, all index) *pooldef.Volume {
	d := named(p, v)
	d.Capacity, d.Physical, d.Allocation = pooldef.Bytes(v.capacity()), pooldef.Bytes(v.capacity()), v.allocation()
	d.Extents = extents(v, all)
	switch {
	case v.isPartial():
		d.Err = errPartial
	case v.isOverflowed():
		d.Err = errOverflowed
	case v.isActive():
		err := b.look(d, v)
		if errors.Is(err, fs.ErrNotExist) && v.Minor != "" && !v.hasUUID(uuidOf(v.Major+":"+v.Minor)) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.Err = err
		}
	}
	if v.Origin != "" && !strings.HasPrefix(v.Origin, "[") && !v.standsAlone(all) {
		d.Backing = &pooldef.VolumeTarget{Path: path(p, v.Origin)}
		_ = b.StatDevice(d.Backing, d.Backing.Path) // it may not be active
	}
	return d
}

// look looks at a volume's node. One that was just renamed has no link to it yet.
func (b *Backend) look(d *pooldef.Volume, v *logicalVolume) error {
	err := b.StatDevice(&d.Target, d.Target.Path)
	if errors.Is(err, fs.ErrNotExist) {
		err = b.StatDevice(&d.Target, "/dev/dm-"+v.Minor)
	}
	return err
}
