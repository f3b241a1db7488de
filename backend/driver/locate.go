package driver

import (
	"context"
	"errors"
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef/store"
)

// locateVolume finds a volume by key or path in all active pools. If pool is not empty, the volume must be in
// that pool.
func (d *Driver) locateVolume(
	ctx context.Context, pathOrKey, pool string, query volumeQuery,
) (*Volume, error) {
	entries, err := d.AllPools()
	if err != nil {
		return nil, err
	}
	in, name, err := d.poolOf(ctx, entries, pathOrKey)
	switch {
	case err != nil:
		return nil, err
	case in != "" && pool != "" && pool != in:
		return nil, fmt.Errorf("%w: %q is not in pool %q, but in %q",
			backend.ErrNoVolume, pathOrKey, pool, in)
	case in != "":
		return d.lockVolume(ctx, in, name, query)
	case pool == "":
		return nil, fmt.Errorf("%w: no volume of an active pool has the path or key %q; a name needs %s",
			backend.ErrNoVolume, pathOrKey, d.PoolOption)
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, pathOrKey)
}

// poolOf returns the first active pool that has a volume with a path or key, and the volume's name. Both are
// empty if no pool has one. If a pool did not answer, and no other has the volume, poolOf returns that pool's
// error.
func (d *Driver) poolOf(
	ctx context.Context, entries []*store.Entry, pathOrKey string,
) (pool, name string, err error) {
	type location struct {
		name string
		err  error
	}
	for i, in := range InParallel(entries, func(entry *store.Entry) location {
		name, err := d.nameIn(ctx, entry, pathOrKey)
		return location{name, err}
	}) {
		switch {
		case in.name != "":
			return entries[i].Name, in.name, nil
		case err == nil && errors.As(in.err, new(*backend.TimeoutError)):
			err = fmt.Errorf("pool %q: %w", entries[i].Name, in.err)
		}
	}
	return "", "", err
}

// nameIn returns the name of the volume with a path or key in one pool. The name is empty if the pool has no
// such volume, or is not active.
func (d *Driver) nameIn(
	ctx context.Context, entry *store.Entry, pathOrKey string,
) (name string, err error) {
	p := entry.Current()
	b, ok := d.Backends[p.Type]
	locator, locates := b.(backend.Locator)
	if !ok {
		return "", nil
	}
	if locates {
		name, err = ask(ctx, d, p, func() (string, error) {
			if name, ok := locator.Locate(ctx, p, pathOrKey); ok {
				return name, nil
			}
			return "", nil
		})
		if name == "" {
			return "", err
		}
	}
	switch active, err := d.active(ctx, entry); {
	case !active || err != nil:
		return "", err
	case locates:
		return name, nil
	}
	for v, err := range b.Volumes(ctx, p) {
		if err == nil && (v.Key == pathOrKey || v.Target.Path == pathOrKey) {
			return v.Name, nil
		}
	}
	return "", nil
}

// lockVolume locks the pool of a volume that was located, and reads the volume under the lock.
func (d *Driver) lockVolume(ctx context.Context, pool, name string, query volumeQuery) (*Volume, error) {
	entry, b, unlock, err := d.ActivePool(ctx, pool)
	if err != nil {
		return nil, err
	}
	v, err := query(b, ctx, entry.Current(), name)
	if err != nil {
		unlock()
		return nil, err
	}
	return &Volume{v, entry, b, unlock}, nil
}
