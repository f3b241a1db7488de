package driver

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A Volume is a volume of an active pool. The pool is locked until Unlock is called.
type Volume struct {
	*pooldef.Volume
	Entry   *store.Entry
	Backend backend.Backend
	Unlock  func()
}

// Pool returns the definition in effect of the volume's pool.
func (v *Volume) Pool() *pooldef.Pool { return v.Entry.Current() }

// FindVolume finds a volume by name, key or path in a pool. If pool is empty, FindVolume searches all active
// pools, by key or path. If there is no such volume, the error wraps [backend.ErrNoVolume].
func (d *Driver) FindVolume(ctx context.Context, name, pool string) (*Volume, error) {
	return d.findVolume(ctx, name, pool, backend.Backend.Volume)
}

// FindVolumeToTransfer is FindVolume for a verb that then reads or writes the volume's data, which must not
// be in use.
func (d *Driver) FindVolumeToTransfer(ctx context.Context, name, pool string) (*Volume, error) {
	return d.findVolume(ctx, name, pool,
		func(b backend.Backend, ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error) {
			if finder, ok := b.(backend.TransferFinder); ok {
				return finder.VolumeToTransfer(ctx, p, name)
			}
			return b.Volume(ctx, p, name)
		})
}

// A volumeQuery is a method of a backend that returns a volume by its name.
type volumeQuery func(
	b backend.Backend, ctx context.Context, p *pooldef.Pool, name string,
) (*pooldef.Volume, error)

// findVolume is FindVolume with the method that returns the volume.
func (d *Driver) findVolume(ctx context.Context, name, pool string, query volumeQuery) (*Volume, error) {
	if pool == "" {
		return d.locateVolume(ctx, name, "", query)
	}
	entry, b, unlock, err := d.ActivePool(ctx, pool)
	if err != nil {
		return nil, err
	}
	v, err := query(b, ctx, entry.Current(), name)
	if err == nil {
		return &Volume{v, entry, b, unlock}, nil
	}
	unlock()
	if !errors.Is(err, backend.ErrNoVolume) {
		return nil, err
	}
	return d.locateVolume(ctx, name, entry.Name, query)
}

// BackingPath returns the path of the volume that a new volume of pool p names as its backing file: by name
// in the same pool, by key or path in any active pool.
func (d *Driver) BackingPath(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, name string,
) (string, error) {
	if v, err := b.Volume(ctx, p, name); err == nil {
		return v.Target.Path, nil
	}
	v, err := d.locateVolume(ctx, name, "", backend.Backend.Volume)
	if err != nil {
		return "", fmt.Errorf("backing volume: %w", err)
	}
	defer v.Unlock()
	return v.Target.Path, nil
}

// Names lists the names, keys and paths of a pool's volumes. Each volume is valid until the next.
func (d *Driver) Names(
	ctx context.Context, b backend.Backend, p *pooldef.Pool,
) iter.Seq2[*pooldef.Volume, error] {
	if lister, ok := b.(backend.NameLister); ok {
		return lister.Names(ctx, p)
	}
	return b.Volumes(ctx, p)
}

// Details lists a pool's volumes with sizes and formats: with one query if the backend is a
// [backend.DetailLister], otherwise with one query a volume.
func (d *Driver) Details(
	ctx context.Context, b backend.Backend, p *pooldef.Pool,
) iter.Seq2[*pooldef.Volume, error] {
	if lister, ok := b.(backend.DetailLister); ok {
		return lister.Details(ctx, p)
	}
	return func(yield func(*pooldef.Volume, error) bool) {
		for v, err := range b.Volumes(ctx, p) {
			if err == nil {
				if found, err := b.Volume(ctx, p, v.Name); err == nil {
					v = found
				} else {
					v.Err = err
				}
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// ReadChain sets the backing chain of a volume. If an image of the chain cannot be read, the volume's Err
// says why.
func (d *Driver) ReadChain(ctx context.Context, v *Volume) error {
	chainer, err := backend.As[backend.BackingChainer](v.Backend, v.Pool().Type, "backing chains")
	if err != nil {
		return err
	}
	if v.Err == nil {
		v.Chain, v.Err = chainer.Chain(ctx, v.Pool(), v.Name)
	}
	return nil
}

// LocalVolumes lists the volumes of a pool, or of all pools if nameOrUUID is empty. It omits pools that are
// not active, and pools that only a server can list.
func (d *Driver) LocalVolumes(ctx context.Context, nameOrUUID string) []*pooldef.Volume {
	list := func(entry *store.Entry) []*pooldef.Volume {
		p := entry.Current()
		b, ok := d.Backends[p.Type]
		if _, locates := b.(backend.Locator); !ok || !locates {
			return nil
		}
		if active, err := d.active(ctx, entry); err != nil || !active {
			return nil
		}
		volumes, _ := ask(ctx, d, p, func() (volumes []*pooldef.Volume, err error) {
			for v, err := range b.Volumes(ctx, p) {
				if err != nil {
					return volumes, err
				}
				volumes = append(volumes, v)
			}
			return volumes, nil
		})
		return volumes
	}
	return slices.Concat(InParallel(d.PoolsNamed(nameOrUUID), list)...)
}
