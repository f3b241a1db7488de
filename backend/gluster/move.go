package gluster

import (
	"context"
	"path/filepath"

	"poolctl/backend"
	"poolctl/pooldef"
)

// MoveTo implements backend.Mover by a rename, if both directories are in one Gluster volume.
func (b *Backend) MoveTo(
	ctx context.Context, p *pooldef.Pool, name string, _ backend.Backend, target *pooldef.Pool, newName string,
) error {
	from, err := sourceOf(p)
	if err != nil {
		return err
	}
	to, err := sourceOf(target)
	if target.Type != p.Type || err != nil || to.uri() != from.uri() {
		return backend.ErrElsewhere
	}
	return b.changeVolume(ctx, p, name, func(v *view) error {
		seen := *target
		seen.Target.Path = filepath.Join(v.Root, to.dir)
		if err := (&view{source: to}).checkName(newName); err != nil {
			return err
		}
		return v.files.MoveWithin(ctx, v.pool, name, &seen, newName)
	})
}

// Hold implements backend.Holder.
func (b *Backend) Hold(ctx context.Context, p *pooldef.Pool, name string) (backend.Held, error) {
	return withView(ctx, b, p, func(v *view) (backend.Held, error) {
		if err := v.checkNotMeta(name); err != nil {
			return nil, err
		}
		return v.files.Hold(ctx, v.pool, name)
	})
}

// Compare implements backend.Comparer.
func (b *Backend) Compare(
	ctx context.Context, p *pooldef.Pool, volume, other *pooldef.Volume, o backend.CloneOptions,
) error {
	return b.changeView(ctx, p, func(v *view) error {
		seen := *volume
		seen.Target.Path = filepath.Join(v.pool.Target.Path, volume.Name)
		return v.files.Compare(ctx, v.pool, &seen, other, o)
	})
}
