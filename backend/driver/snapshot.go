package driver

import (
	"context"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// snapshotter returns the capability to keep snapshots of a pool's volumes.
func snapshotter(b backend.Backend, p *pooldef.Pool) (backend.Snapshotter, error) {
	keeper, ok := b.(backend.Snapshotter)
	if !ok {
		return nil, &backend.UnsupportedError{Type: p.Type, What: "snapshots of volumes", Hint: saveHint(b)}
	}
	return keeper, nil
}

// Snapshots returns the snapshots of a volume of pool p, whose backend is b, oldest first. If volume is
// empty, Snapshots returns those of all volumes. It warns about volumes whose snapshots cannot be read.
func (d *Driver) Snapshots(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, volume string,
) ([]*pooldef.Snapshot, error) {
	keeper, err := snapshotter(b, p)
	if err != nil {
		return nil, err
	}
	all, err := keeper.Snapshots(ctx, p, volume)
	all = slices.DeleteFunc(all, func(s *pooldef.Snapshot) bool {
		if s.Err != nil {
			d.Warn("snapshots of volume %q: %w", s.Volume, s.Err)
		}
		return s.Err != nil
	})
	backend.SortSnapshots(all)
	return all, err
}

// FindSnapshot returns the snapshot of a volume with a name. If it does not exist, the error wraps
// [backend.ErrNoSnapshot].
func (d *Driver) FindSnapshot(ctx context.Context, v *Volume, name string) (*pooldef.Snapshot, error) {
	all, err := d.Snapshots(ctx, v.Backend, v.Pool(), v.Name)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s *pooldef.Snapshot) bool { return s.Name == name })
	if i < 0 {
		return nil, backend.NoSnapshot(v.Name, name)
	}
	return all[i], nil
}

// CreateSnapshot creates a snapshot of a volume.
func (d *Driver) CreateSnapshot(
	ctx context.Context, v *Volume, name string, o backend.SnapshotOptions,
) error {
	keeper, err := snapshotter(v.Backend, v.Pool())
	if err == nil && v.Err != nil {
		err = v.Err
	}
	if text := pooldef.CheckSnapshotName(name); err == nil && text != "" {
		err = pooldef.Problems{{Element: "name", Text: text}}
	}
	if err == nil {
		err = d.checkNoGuest(ctx, v)
	}
	if err != nil {
		return err
	}
	unlock, err := d.wait(ctx, func(ctx context.Context) (func(), error) {
		return d.Store.LockSnapshots(ctx, v.Entry.Name)
	})
	if err != nil {
		return err
	}
	defer unlock()
	return keeper.CreateSnapshot(ctx, v.Pool(), v.Name, name, o)
}

// DeleteSnapshot deletes a snapshot of a volume.
func (d *Driver) DeleteSnapshot(ctx context.Context, v *Volume, name string) error {
	keeper, err := snapshotter(v.Backend, v.Pool())
	if err == nil {
		err = d.checkNoGuest(ctx, v)
	}
	if err != nil {
		return err
	}
	return keeper.DeleteSnapshot(ctx, v.Pool(), v.Name, name)
}

// CloneSnapshot creates the volume v, of the pool of source, with the data of a snapshot of source.
func (d *Driver) CloneSnapshot(
	ctx context.Context, v *pooldef.Volume, source *Volume, name string, o backend.CloneOptions,
) error {
	p := source.Pool()
	cloner, err := backend.As[backend.SnapshotCloner](source.Backend, p.Type, "cloning snapshots of volumes")
	if err == nil {
		err = d.checkNoGuest(ctx, source)
	}
	if err != nil {
		return err
	}
	return d.fromSource(ctx, source, o, func(from *pooldef.Volume, o backend.CloneOptions) error {
		return cloner.CloneSnapshot(ctx, p, v, from, name, o)
	})
}

// LocalSnapshots returns the snapshots of a volume, named by name, key or path, in the pools that
// LocalVolumes lists. It takes no lock.
func (d *Driver) LocalSnapshots(ctx context.Context, volume, nameOrUUID string) (all []*pooldef.Snapshot) {
	for _, entry := range d.PoolsNamed(nameOrUUID) {
		p := entry.Current()
		locator, isLocal := d.Backends[p.Type].(backend.Locator)
		keeper, keeps := d.Backends[p.Type].(backend.Snapshotter)
		if !isLocal || !keeps {
			continue
		}
		name := volume
		if located, ok := locator.Locate(ctx, p, volume); ok {
			name = located
		}
		if active, err := d.active(ctx, entry); err != nil || !active {
			continue
		}
		found, _ := ask(ctx, d, p, func() ([]*pooldef.Snapshot, error) { return keeper.Snapshots(ctx, p, name) })
		all = append(all, found...)
	}
	return all
}
