package commands

import (
	"errors"
	"fmt"
	"iter"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A foundVolume is a volume that the user means, in an active pool that is locked until unlock is called.
type foundVolume struct {
	*pooldef.Volume
	entry   *store.Entry
	backend backend.Backend
	unlock  func()
}

// findVolume finds a volume by name, key or path in a pool, or, with no pool given, by key or path in any active one.
func (e *env) findVolume(name, pool string) (*foundVolume, error) {
	if pool == "" {
		return e.locateVolume(name, "")
	}
	entry, b, unlock, err := e.activePool(pool)
	if err != nil {
		return nil, err
	}
	v, err := b.Volume(e.ctx, entry.Current(), name)
	if err == nil {
		return &foundVolume{v, entry, b, unlock}, nil
	}
	unlock()
	if !errors.Is(err, backend.ErrNoVolume) {
		return nil, err
	}
	return e.locateVolume(name, entry.Name)
}

// locateVolume finds a volume by key or path. If a pool is given, the volume has to be in that one.
func (e *env) locateVolume(pathOrKey, pool string) (*foundVolume, error) {
	entries, err := e.allPools()
	if err != nil {
		return nil, err
	}
	in, name, err := e.poolOf(entries, pathOrKey)
	switch {
	case err != nil:
		return nil, err
	case in != "" && pool != "" && pool != in:
		return nil, fmt.Errorf("%w: %q is not in pool %q, but in %q", backend.ErrNoVolume, pathOrKey, pool, in)
	case in != "":
		return e.lockVolume(in, name)
	case pool == "":
		option := "--pool"
		if e.verb == "vol-create-from" {
			option = "--inputpool"
		}
		return nil, fmt.Errorf("%w: nothing in an active pool has the path or key %q; a name needs %s", backend.ErrNoVolume, pathOrKey, option)
	}
	return nil, fmt.Errorf("%w: %q", backend.ErrNoVolume, pathOrKey)
}

// poolOf returns the first of the pools that is active and has a volume with a path or key, and the volume's name; "" if none has. An
// error is that of a pool that has not answered.
func (e *env) poolOf(entries []*store.Entry, pathOrKey string) (pool, name string, err error) {
	type location struct {
		name string
		err  error
	}
	for i, in := range inParallel(entries, func(entry *store.Entry) location {
		name, err := e.nameIn(entry, pathOrKey)
		return location{name, err}
	}) {
		switch {
		case in.name != "":
			return entries[i].Name, in.name, nil
		case err == nil && isSilent(in.err):
			err = fmt.Errorf("pool %q: %w", entries[i].Name, in.err)
		}
	}
	return "", "", err
}

// nameIn tells the name of the volume with a path or key in one pool, "" if there is none or the pool is not active.
func (e *env) nameIn(entry *store.Entry, pathOrKey string) (name string, err error) {
	p := entry.Current()
	b, ok := e.backends[p.Type]
	locator, locates := b.(backend.Locator)
	if !ok {
		return "", nil
	}
	if locates {
		name, err = ask(e, p, func() (string, error) {
			if name, ok := locator.Locate(e.ctx, p, pathOrKey); ok {
				return name, nil
			}
			return "", nil
		})
		if name == "" {
			return "", err
		}
	}
	switch active, err := e.active(entry); {
	case !active || err != nil:
		return "", err
	case locates:
		return name, nil
	}
	for v, err := range b.Volumes(e.ctx, p) {
		if err == nil && (v.Key == pathOrKey || v.Target.Path == pathOrKey) {
			return v.Name, nil
		}
	}
	return "", nil
}

// lockVolume locks the pool of a volume that was located, and looks at the volume again.
func (e *env) lockVolume(pool, name string) (*foundVolume, error) {
	entry, b, unlock, err := e.activePool(pool)
	if err != nil {
		return nil, err
	}
	v, err := b.Volume(e.ctx, entry.Current(), name)
	if err != nil {
		unlock()
		return nil, err
	}
	return &foundVolume{v, entry, b, unlock}, nil
}

// details lists a pool's volumes with all that a listing tells: in one go where the backend can, otherwise one by one.
func (e *env) details(b backend.Backend, p *pooldef.Pool) iter.Seq2[*pooldef.Volume, error] {
	if detailer, ok := b.(backend.DetailLister); ok {
		return detailer.Details(e.ctx, p)
	}
	return func(yield func(*pooldef.Volume, error) bool) {
		for v, err := range b.Volumes(e.ctx, p) {
			if err == nil {
				if found, err := b.Volume(e.ctx, p, v.Name); err == nil {
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
