package driver

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// FindPool loads the pool with a name or uuid.
func (d *Driver) FindPool(nameOrUUID string) (*store.Entry, error) {
	if id, ok := pooldef.ParseUUID(nameOrUUID); ok && len(nameOrUUID) == 36 {
		entry, err := d.PoolWithUUID(id)
		if entry != nil || err != nil {
			return entry, err
		}
	}
	entry, err := d.Store.Load(nameOrUUID)
	if err != nil {
		return entry, err
	}
	d.warnOf(entry)
	return entry, nil
}

// warnOf reports the warnings about a pool, and what its backend cannot use of its definition.
func (d *Driver) warnOf(entry *store.Entry) {
	for _, w := range entry.Warnings {
		d.Warn("%w", w)
	}
	if entry.Err != nil {
		return
	}
	if err := d.CheckDefinition(entry.Current()); err != nil {
		d.Warn("pool %q cannot be started: %w", entry.Name, err)
	}
}

// PoolWithUUID returns the pool with a uuid, or nil if there is none.
func (d *Driver) PoolWithUUID(id string) (*store.Entry, error) {
	entries, err := d.Store.All()
	if err != nil {
		return nil, err
	}
	var found *store.Entry
	for _, entry := range entries {
		if entry.Err != nil || entry.Current().UUID != id {
			continue
		}
		if found != nil {
			text := fmt.Sprintf("pools %q and %q have the same uuid %s: use the name",
				found.Name, entry.Name, id)
			return nil, &pooldef.ConflictError{Text: text}
		}
		found = entry
	}
	return found, nil
}

// AllPools loads all pools whose definitions can be used, and warns about the others.
func (d *Driver) AllPools() ([]*store.Entry, error) {
	entries, err := d.Store.All()
	if err != nil {
		return nil, err
	}
	var usable []*store.Entry
	for _, entry := range entries {
		d.warnOf(entry)
		if entry.Err == nil {
			usable = append(usable, entry)
		} else {
			d.WarnUnusable(entry.Name, entry.Err)
		}
	}
	return usable, nil
}

// PoolsNamed returns the pools with a name or uuid, or all pools if nameOrUUID is empty. It skips pools whose
// definitions cannot be used, without a warning.
func (d *Driver) PoolsNamed(nameOrUUID string) []*store.Entry {
	entries, _ := d.Store.All()
	var named []*store.Entry
	for _, entry := range entries {
		if entry.Err != nil {
			continue
		}
		if nameOrUUID == "" || nameOrUUID == entry.Name || nameOrUUID == entry.Current().UUID {
			named = append(named, entry)
		}
	}
	return named
}

// LockPool finds a pool and locks it: shared to inspect it or work on its volumes, exclusive to change the
// pool itself. The entry is read again under the lock. It is nil if there is an error.
func (d *Driver) LockPool(
	ctx context.Context, nameOrUUID string, mode store.LockMode,
) (entry *store.Entry, unlock func(), err error) {
	if entry, err = d.FindPool(nameOrUUID); err != nil {
		return nil, func() {}, err
	}
	if entry, unlock, err = d.lockEntry(ctx, entry.Name, mode); err != nil {
		unlock()
		return nil, func() {}, err
	}
	return entry, unlock, nil
}

// lockState is LockPool, exclusive, for the verbs that remove a pool's files. If the files cannot be used,
// lockState returns the entry beside the error, and the pool is locked. Without an entry, nothing is locked.
func (d *Driver) lockState(
	ctx context.Context, nameOrUUID string,
) (entry *store.Entry, unlock func(), err error) {
	entry, err = d.FindPool(nameOrUUID)
	if entry == nil || !entry.HasFiles() {
		return nil, func() {}, err
	}
	return d.lockEntry(ctx, entry.Name, store.Exclusive)
}

// lockEntry locks a pool and reads its entry. The entry is nil if the lock cannot be taken, or if the pool
// has been removed.
func (d *Driver) lockEntry(
	ctx context.Context, name string, mode store.LockMode,
) (entry *store.Entry, unlock func(), err error) {
	if unlock, err = d.lock(ctx, name, mode); err != nil {
		return nil, func() {}, err
	}
	if entry, err = d.Store.Load(name); !entry.HasFiles() {
		entry = nil
	}
	return entry, unlock, err
}

// ActivePool finds an active pool and locks it shared, for work on its volumes.
func (d *Driver) ActivePool(
	ctx context.Context, nameOrUUID string,
) (entry *store.Entry, b backend.Backend, unlock func(), err error) {
	entry, unlock, err = d.LockPool(ctx, nameOrUUID, store.Shared)
	if err != nil {
		return nil, nil, unlock, err
	}
	b, err = d.activeBackend(ctx, entry)
	if err != nil {
		unlock()
		return nil, nil, func() {}, err
	}
	return entry, b, unlock, nil
}

// activeBackend returns the backend of a pool, or an InactiveError if the pool is not active.
func (d *Driver) activeBackend(ctx context.Context, entry *store.Entry) (backend.Backend, error) {
	b, err := d.Backend(entry.Current().Type)
	if err != nil {
		return nil, err
	}
	if checksActive(b, entry) {
		return b, nil
	}
	active, err := d.active(ctx, entry)
	switch {
	case err != nil:
		return nil, err
	case active:
		return b, nil
	case entry.Started != nil: // the storage disappeared after the start: Space reports why
		if _, err := d.space(ctx, b, entry.Started); err != nil {
			return nil, err
		}
	}
	return nil, &InactiveError{Pool: entry.Name}
}

// checksActive reports whether a started pool's operations check themselves that the pool can be used.
func checksActive(b backend.Backend, entry *store.Entry) bool {
	c, ok := b.(backend.ActiveChecker)
	return ok && c.ChecksActive() && entry.Started != nil
}

// checkInactive returns an ActiveError if a pool is active.
func (d *Driver) checkInactive(ctx context.Context, entry *store.Entry) error {
	active, err := d.active(ctx, entry)
	if err == nil && active {
		err = &ActiveError{entry.Name}
	}
	return err
}
