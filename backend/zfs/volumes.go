package zfs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Volumes implements backend.Backend. It does not list volumes of child datasets, which can be pools
// themselves.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.each(ctx, p, summary)
}

// Details implements backend.DetailLister.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.each(ctx, p, detailed)
}

func (b *Backend) each(
	ctx context.Context, p *pooldef.Pool, show func(*pooldef.Pool, *row) *pooldef.Volume,
) iter.Seq2[*pooldef.Volume, error] {
	return backend.List(func() ([]*row, error) {
		l, err := b.list(ctx, p)
		if err != nil {
			return nil, err
		}
		all := slices.DeleteFunc(l.children, func(r *row) bool { return !r.isVolume() })
		slices.SortFunc(all, func(r, s *row) int { return pooldef.CompareNames(r.name, s.name) })
		return all, nil
	}, func(r *row) *pooldef.Volume { return show(p, r) })
}

// Volume implements backend.Backend.
func (b *Backend) Volume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	r, _, err := b.find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	return detailed(p, r), nil
}

// find returns a volume and all children of the pool's dataset.
func (b *Backend) find(ctx context.Context, p *pooldef.Pool, name string) (*row, *listing, error) {
	if !isPart(name) {
		return nil, nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
	}
	l, err := b.list(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	if r := l.child(name); r != nil && r.isVolume() {
		return r, l, nil
	}
	return nil, nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, name)
}

// child returns the child with a name, or nil.
func (l *listing) child(name string) *row {
	i := slices.IndexFunc(l.children, func(r *row) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return l.children[i]
}

// transferableVolume returns a volume whose data can be transferred. It needs no query if the device
// identifies itself as the volume.
func (b *Backend) transferableVolume(
	ctx context.Context, p *pooldef.Pool, name string,
) (*pooldef.Volume, error) {
	parent, err := dataset(p)
	if err == nil {
		err = errors.Join(ctx.Err(), b.checkUsable(parent))
	}
	if err != nil {
		return nil, err
	}
	if isPart(name) && !tempNames.Match(name) && b.hasDevice(p, name) {
		return summary(p, &row{name: name}), nil
	}
	r, _, err := b.find(ctx, p, name)
	if err == nil {
		err = b.checkNode(ctx, p, r)
	}
	if err != nil {
		return nil, err
	}
	return summary(p, r), nil
}

func summary(p *pooldef.Pool, r *row) *pooldef.Volume {
	return &pooldef.Volume{
		Type:   "block",
		Name:   r.name,
		Key:    key(p, r.name),
		Target: pooldef.VolumeTarget{Path: path(p, r.name)},
	}
}

// detailed returns a volume with all details. Its allocation is the space that it takes from the zpool: its
// reservation, its snapshots, and, of a clone, only the differences from its origin.
func detailed(p *pooldef.Pool, r *row) *pooldef.Volume {
	v := summary(p, r)
	v.Capacity, v.Allocation = pooldef.Bytes(r.size), pooldef.Bytes(r.used)
	v.Target.ClusterSize = r.block
	if origin, _, isClone := strings.Cut(r.origin, "@"); isClone {
		v.Backing = &pooldef.VolumeTarget{Path: link(origin)}
	}
	return v
}
