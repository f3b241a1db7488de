package driver

import (
	"context"

	"poolctl/backend"
	"poolctl/pooldef/store"
)

// StopPool reverses the start of a pool, then removes its run record. A pool whose storage has disappeared
// can be stopped, too.
func (d *Driver) StopPool(ctx context.Context, nameOrUUID string) error {
	entry, unlock, err := d.LockPool(ctx, nameOrUUID, store.Exclusive)
	defer unlock()
	if err != nil {
		return err
	}
	b, err := d.Backend(entry.Current().Type)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, d.Timeout/2) // the stop needs time, too
	defer cancel()
	active, err := d.activeWithin(ctx, limit, entry)
	starter, starts := b.(backend.Starter)
	switch {
	case entry.Started != nil, err != nil && starts: // such as a server that does not answer
	case err != nil:
		return err
	case !active:
		return notActive(entry.Name)
	}
	if starts && (active || err != nil) {
		if err := starter.Stop(ctx, entry.Current()); err != nil {
			return err
		}
		return d.Store.RemoveState(entry.Name)
	}
	return d.forget(ctx, b, entry)
}

// forget removes leftovers of a start that was killed, then the run record of the pool, which is not active.
// If the definition cannot be used, nothing was started.
func (d *Driver) forget(ctx context.Context, b backend.Backend, entry *store.Entry) error {
	if cleaner, ok := b.(backend.StartCleaner); ok && d.checkDefinition(entry.Current()) == nil {
		if err := cleaner.CleanUp(ctx, entry.Current()); err != nil {
			return err
		}
	}
	return d.Store.RemoveState(entry.Name)
}
