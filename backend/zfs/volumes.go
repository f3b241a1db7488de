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

// Volumes implements backend.Backend. Of what is in other datasets below the pool's nothing is listed: those can be pools of their own.
func (b *Backend) Volumes(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.each(ctx, p, named)
}

// Details implements backend.Detailer.
func (b *Backend) Details(ctx context.Context, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	return b.each(ctx, p, described)
}

func (b *Backend) each(ctx context.Context, p *pooldef.Pool, show func(*pooldef.Pool, *row) *pooldef.Volume) iter.Seq2[*pooldef.Volume, error] {
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
	return described(p, r), nil
}

// find asks for a volume, and all others with it.
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

// child returns what has a name in a dataset, nil if nothing has.
func (l *listing) child(name string) *row {
	i := slices.IndexFunc(l.children, func(r *row) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return l.children[i]
}

// transferableVolume returns a volume whose data can be moved. If its device says that it is that one's, there is nothing to ask.
func (b *Backend) transferableVolume(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
	parent, err := dataset(p)
	if err == nil {
		err = errors.Join(ctx.Err(), usable(parent))
	}
	if err != nil {
		return nil, err
	}
	if isPart(name) && !tempNames.Match(name) && isThere(p, name) {
		return named(p, &row{name: name}), nil
	}
	r, _, err := b.find(ctx, p, name)
	if err == nil {
		err = b.hasNode(ctx, p, r)
	}
	if err != nil {
		return nil, err
	}
	return named(p, r), nil
}

func named(p *pooldef.Pool, r *row) *pooldef.Volume {
	return &pooldef.Volume{Type: "block", Name: r.name, Key: key(p, r.name), Target: pooldef.VolumeTarget{Path: path(p, r.name)}}
}

// described returns all that is known of a volume. Allocated is what it takes of the zpool: all that is reserved for it, what is in its
// snapshots, too, and of a clone what differs from its origin.
func described(p *pooldef.Pool, r *row) *pooldef.Volume {
	v := named(p, r)
	v.Capacity, v.Allocation = pooldef.Bytes(r.size), pooldef.Bytes(r.used)
	v.Target.ClusterSize = r.block
	if origin, _, isClone := strings.Cut(r.origin, "@"); isClone {
		v.Backing = &pooldef.VolumeTarget{Path: link(origin)}
	}
	return v
}
