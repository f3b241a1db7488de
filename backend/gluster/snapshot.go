package gluster

import (
	"context"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Snapshots implements backend.Snapshotter.
func (b *Backend) Snapshots(
	ctx context.Context, p *pooldef.Pool, volume string,
) ([]*pooldef.Snapshot, error) {
	return withView(ctx, b, p, func(v *view) ([]*pooldef.Snapshot, error) {
		if err := v.checkNotMeta(volume); err != nil {
			return nil, err
		}
		all, err := v.files.Snapshots(ctx, v.pool, volume)
		for _, s := range all {
			if s.Err != nil {
				s.Err = v.withURIs(s.Err)
			}
		}
		return all, err
	})
}

// CreateSnapshot implements backend.Snapshotter.
func (b *Backend) CreateSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.SnapshotOptions,
) error {
	return b.changeVolume(ctx, p, volume, func(v *view) error {
		return v.files.CreateSnapshot(ctx, v.pool, volume, name, o)
	})
}

// DeleteSnapshot implements backend.Snapshotter.
func (b *Backend) DeleteSnapshot(ctx context.Context, p *pooldef.Pool, volume, name string) error {
	return b.changeVolume(ctx, p, volume, func(v *view) error {
		return v.files.DeleteSnapshot(ctx, v.pool, volume, name)
	})
}

// RevertToSnapshot implements backend.Reverter.
func (b *Backend) RevertToSnapshot(
	ctx context.Context, p *pooldef.Pool, volume, name string, o backend.RevertOptions,
) error {
	return b.changeVolume(ctx, p, volume, func(v *view) error {
		return v.files.RevertToSnapshot(ctx, v.pool, volume, name, o)
	})
}

// CloneSnapshot implements backend.SnapshotCloner.
func (b *Backend) CloneSnapshot(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, name string, o backend.CloneOptions,
) error {
	return b.changeView(ctx, p, func(v *view) error {
		if err := v.checkName(d.Name); err != nil {
			return err
		}
		return v.files.CloneSnapshot(ctx, v.pool, d, source, name, o)
	})
}
