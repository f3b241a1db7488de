package driver

import (
	"context"

	"poolctl/backend"
	"poolctl/pooldef/store"
)

// StopPool reverses the start of a pool, then removes its run record. A pool whose storage has disappeared
// can be stopped, too, but not one that contains another active pool. If the pool is not active, the error is
// an InactiveError. If neither the run record nor the definition says what was started, StopPool only removes
// the run record.
func (d *Driver) StopPool(ctx context.Context, nameOrUUID string) error {
	entry, unlock, err := d.lockState(ctx, nameOrUUID)
	defer unlock()
	switch {
	case err != nil && (entry == nil || entry.RecordErr == nil):
		return err
	case err != nil:
		d.Warn("what was started is not known, and stays as it is: %w", entry.RecordErr)
		return d.Store.RemoveState(entry.Name)
	}
	return d.stopEntry(ctx, entry)
}

// stopEntry is StopPool for a pool that is locked, and whose files can be used.
func (d *Driver) stopEntry(ctx context.Context, entry *store.Entry) error {
	limit, cancel := context.WithTimeout(ctx, d.Timeout/2) // the stop needs time, too
	defer cancel()
	active, err := d.activeWithin(ctx, limit, entry)
	starter, starts := d.Backends[entry.Current().Type].(backend.Starter)
	switch {
	case entry.ByLibvirt && active:
		return &ByLibvirtError{entry.Name}
	case entry.Started != nil, err != nil && starts: // such as a server that does not answer
	case err != nil:
		return err
	case !active:
		return &InactiveError{entry.Name, true}
	}
	if starts && active && entry.Current().Type.Info().OwnsTarget() {
		// the other pool would go on in the directory below the mount
		if err := d.checkNoPoolAt(ctx, entry.Name, entry.Current().Target.Path); err != nil {
			return err
		}
	}
	if starts && (active || err != nil) {
		stop := func() error { return starter.Stop(ctx, entry.Current()) }
		if err := d.afterPassing(ctx, stop); err != nil {
			return err
		}
		return d.Store.RemoveState(entry.Name)
	}
	return d.forget(ctx, entry)
}

// forget removes leftovers of a start that was killed, then the run record of the pool, which is not active.
// If the definition cannot be used, nothing was started.
func (d *Driver) forget(ctx context.Context, entry *store.Entry) error {
	p := entry.Current()
	if cleaner, ok := d.Backends[p.Type].(backend.StartCleaner); ok && d.CheckDefinition(p) == nil {
		if err := cleaner.CleanUp(ctx, p); err != nil {
			return err
		}
	}
	return d.Store.RemoveState(entry.Name)
}
