package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// findPool loads the pool that the user means, by name or uuid.
func (e *env) findPool(nameOrUUID string) (*store.Entry, error) {
	if id, ok := pooldef.ParseUUID(nameOrUUID); ok && len(nameOrUUID) == 36 {
		entry, err := e.poolWithUUID(id)
		if entry != nil || err != nil {
			return entry, err
		}
	}
	entry, err := e.store.Load(nameOrUUID)
	if err != nil {
		return entry, err
	}
	for _, w := range entry.Warnings {
		e.warn("%w", w)
	}
	return entry, nil
}

// poolWithUUID returns nil if there is none.
func (e *env) poolWithUUID(id string) (*store.Entry, error) {
	entries, err := e.store.All()
	if err != nil {
		return nil, err
	}
	var found *store.Entry
	for _, entry := range entries {
		if entry.Err != nil || entry.Current().UUID != id {
			continue
		}
		if found != nil {
			return nil, &pooldef.ConflictError{Text: fmt.Sprintf("pools %q and %q have the same uuid %s: use the name", found.Name, entry.Name, id)}
		}
		found = entry
	}
	return found, nil
}

// allPools loads every pool that can be used and warns of what is wrong with the others.
func (e *env) allPools() ([]*store.Entry, error) {
	entries, err := e.store.All()
	if err != nil {
		return nil, err
	}
	var usable []*store.Entry
	for _, entry := range entries {
		for _, w := range entry.Warnings {
			e.warn("%w", w)
		}
		if entry.Err == nil {
			usable = append(usable, entry)
			continue
		}
		for _, line := range lines(entry.Err) {
			e.warn("pool %q cannot be used: %s", entry.Name, line)
		}
	}
	return usable, nil
}

// lockPool finds a pool and locks it, shared for looking and for its volumes, exclusive for what changes the pool itself.
// The entry is as it is under the lock. unlock may be called in any case.
func (e *env) lockPool(nameOrUUID string, mode store.LockMode) (entry *store.Entry, unlock func(), err error) {
	if entry, err = e.findPool(nameOrUUID); err != nil {
		return entry, func() {}, err
	}
	if unlock, err = e.lock(entry.Name, mode); err != nil {
		return entry, func() {}, err
	}
	if entry, err = e.store.Load(entry.Name); err != nil {
		unlock()
		return entry, func() {}, err
	}
	return entry, unlock, nil
}

// backend returns what manages pools of this type.
func (e *env) backend(p *pooldef.Pool) (backend.Backend, error) {
	b, ok := e.backends[p.Type]
	if !ok {
		return nil, &backend.UnsupportedError{Type: p.Type}
	}
	return b, nil
}

// activePool finds an active pool and locks it shared, for what is done with its volumes.
func (e *env) activePool(nameOrUUID string) (*store.Entry, backend.Backend, func(), error) {
	entry, unlock, err := e.lockPool(nameOrUUID, store.Shared)
	if err != nil {
		return nil, nil, unlock, err
	}
	b, err := e.activeBackend(entry)
	if err != nil {
		unlock()
		return nil, nil, func() {}, err
	}
	return entry, b, unlock, nil
}

// activeBackend returns the backend of a pool that has to be active.
func (e *env) activeBackend(entry *store.Entry) (backend.Backend, error) {
	b, err := e.backend(entry.Current())
	if err != nil {
		return nil, err
	}
	if c, ok := b.(backend.ActiveChecker); ok && c.ChecksActive() && entry.Started != nil {
		return b, nil
	}
	active, err := e.active(entry)
	switch {
	case err != nil:
		return nil, err
	case active:
		return b, nil
	case entry.Started != nil: // started, but the storage has gone since
		if _, err := e.space(b, entry.Started); err != nil {
			return nil, err
		}
	}
	return nil, notActive(entry.Name)
}

func notActive(name string) error {
	return &stateError{fmt.Sprintf("pool %q is not active", name), "poolctl pool-start " + host.Quote(name)}
}

// mustBeInactive refuses an active pool.
func (e *env) mustBeInactive(entry *store.Entry) error {
	active, err := e.active(entry)
	if err == nil && active {
		err = &stateError{fmt.Sprintf("pool %q is active", entry.Name), "poolctl pool-destroy " + host.Quote(entry.Name) + " stops it"}
	}
	return err
}
