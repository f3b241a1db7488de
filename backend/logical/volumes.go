package logical

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Volumes implements backend.Backend. The query needs only LVM's metadata, unless Active has queried all.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	show := func(v *logicalVolume, _ func() index) *pooldef.Volume { return summary(p, v) }
	return b.list(ctx, p, b.fieldsOfNames(p), show)
}

// Names implements backend.NameLister.
func (b *Backend) Names(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	var one pooldef.Volume
	return b.list(ctx, p, b.fieldsOfNames(p), func(v *logicalVolume, _ func() index) *pooldef.Volume {
		summarize(&one, p, v)
		return &one
	})
}

// Details implements backend.DetailLister. Thin pools are not volumes.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.list(ctx, p, allFields, func(v *logicalVolume, all func() index) *pooldef.Volume {
		return b.detailed(p, v, all())
	})
}

func (b *Backend) list(
	ctx context.Context, p *pooldef.Pool, fields string,
	show func(*logicalVolume, func() index) *pooldef.Volume,
) iter.Seq2[*pooldef.Volume, error] {
	return func(yield func(*pooldef.Volume, error) bool) {
		all, err := b.allVolumes(ctx, p, fields)
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(all, func(v, w *logicalVolume) int { return pooldef.CompareNames(v.Name, w.Name) })
		byName := sync.OnceValue(func() index { return indexOf(all) })
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
	d := b.detailed(p, v, indexOf(all))
	if d == nil {
		return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	return d, nil
}

// find returns a volume and all volumes of its group.
func (b *Backend) find(
	ctx context.Context, p *pooldef.Pool, name string,
) (*logicalVolume, []*logicalVolume, error) {
	all, err := b.allVolumes(ctx, p, allFields)
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

// findToChange is find for operations that change the group.
func (b *Backend) findToChange(
	ctx context.Context, p *pooldef.Pool, name string,
) (*logicalVolume, []*logicalVolume, error) {
	v, all, err := b.find(ctx, p, name)
	if err == nil {
		err = checkComplete(p, all)
	}
	return v, all, err
}

// checkComplete returns an error if a group lacks a device. LVM itself refuses to change such a group.
func checkComplete(p *pooldef.Pool, all []*logicalVolume) error {
	if len(all) == 0 || all[0].Missing == 0 {
		return nil
	}
	return incompleteError(p)
}

func incompleteError(p *pooldef.Pool) error {
	return &backend.StateError{
		Text: fmt.Sprintf("the volume group %q lacks a device: it cannot be changed until the device is back",
			p.Source.Name),
		Hint: fmt.Sprintf("vgreduce --removemissing -- %s, if the device is lost", p.Source.Name),
	}
}

// transferableVolume returns a volume whose data can be transferred: an active one.
func (b *Backend) transferableVolume(
	ctx context.Context, p *pooldef.Pool, name string,
) (*pooldef.Volume, error) {
	v, _, err := b.find(ctx, p, name)
	if err == nil {
		err = checkActive(p, v)
	}
	if err != nil {
		return nil, err
	}
	return summary(p, v), nil
}

func checkActive(p *pooldef.Pool, v *logicalVolume) error {
	switch {
	case v.isActive():
		return nil
	case v.isPartial():
		return errPartial
	case v.isOverflowed():
		return errOverflowed
	}
	return &backend.StateError{
		Text: fmt.Sprintf("the logical volume %q is not active", v.Name),
		Hint: "lvchange -ay -K -- " + p.Source.Name + "/" + v.Name,
	}
}

var (
	errOverflowed = &backend.StateError{
		Text: "the snapshot overflowed: it had too little space for changes, and its data is lost",
	}
	errPartial = &backend.StateError{Text: "one of its devices is missing"}
)

func path(p *pooldef.Pool, name string) string { return dir(p.Source.Name) + "/" + name }

// summary returns a volume without details.
func summary(p *pooldef.Pool, v *logicalVolume) *pooldef.Volume {
	d := new(pooldef.Volume)
	summarize(d, p, v)
	return d
}

// summarize replaces d by a volume without details.
func summarize(d *pooldef.Volume, p *pooldef.Pool, v *logicalVolume) {
	*d = pooldef.Volume{Type: "block", Name: v.Name, Key: v.UUID,
		Target: pooldef.VolumeTarget{Path: path(p, v.Name)}}
}

// detailed returns a volume with all details, or nil if it has disappeared since the query. Permissions are
// known only of active volumes.
func (b *Backend) detailed(p *pooldef.Pool, v *logicalVolume, all index) *pooldef.Volume {
	d := summary(p, v)
	size := pooldef.Bytes(v.capacity())
	d.Capacity, d.Physical, d.Allocation = size, size, v.allocation()
	d.Extents = extents(v, all)
	switch {
	case v.isPartial():
		d.Err = errPartial
	case v.isOverflowed():
		d.Err = errOverflowed
	case v.isActive():
		err := b.look(d, v)
		if errors.Is(err, fs.ErrNotExist) && v.Minor != "" && !v.hasUUID(b.uuidOf(v.Major+":"+v.Minor)) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.Err = err
		}
	}
	if v.Origin != "" && !strings.HasPrefix(v.Origin, "[") && !v.isIndependent(all) {
		d.Backing = &pooldef.VolumeTarget{Path: path(p, v.Origin)}
		_ = b.StatDevice(d.Backing, d.Backing.Path) // the origin may be inactive
	}
	return d
}

// look inspects a volume's device node. A volume that was just renamed may lack its link, so look falls back
// to the node of the device mapper.
func (b *Backend) look(d *pooldef.Volume, v *logicalVolume) error {
	err := b.StatDevice(&d.Target, d.Target.Path)
	if errors.Is(err, fs.ErrNotExist) {
		err = b.StatDevice(&d.Target, "/dev/dm-"+v.Minor)
	}
	return err
}
