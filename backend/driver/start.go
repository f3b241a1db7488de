package driver

import (
	"context"
	"errors"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// StartPool starts a pool that is not active; the error is an ActiveError if it is. If build is not nil,
// StartPool builds the pool first. wait is how long to wait for the first volume to appear (see
// [backend.Refresher]).
func (d *Driver) StartPool(
	ctx context.Context, nameOrUUID string, build *backend.BuildOptions, wait time.Duration,
) error {
	entry, unlock, err := d.LockPool(ctx, nameOrUUID, store.Exclusive)
	defer unlock()
	if err != nil {
		return err
	}
	return d.startEntry(ctx, entry, build, wait)
}

// AutostartPool starts a pool unless it is active already.
func (d *Driver) AutostartPool(ctx context.Context, name string) (started bool, err error) {
	entry, unlock, err := d.LockPool(ctx, name, store.Exclusive)
	defer unlock()
	if err != nil {
		return false, err
	}
	active, err := d.active(ctx, entry)
	if err != nil || active {
		return false, err
	}
	return true, d.startEntry(ctx, entry, nil, 0)
}

// startEntry starts a pool that is locked.
func (d *Driver) startEntry(
	ctx context.Context, entry *store.Entry, build *backend.BuildOptions, wait time.Duration,
) error {
	if err := d.checkInactive(ctx, entry); err != nil {
		return err
	}
	p := entry.Persistent
	if p == nil { // a transient pool whose storage has disappeared
		p = entry.Started
	}
	if build != nil {
		if err := d.build(ctx, p, *build); err != nil {
			return err
		}
	}
	return d.start(ctx, p, entry.Started, wait)
}

// start makes a pool usable and writes its run record. If that fails, start undoes it. was is the run record
// before, or nil.
func (d *Driver) start(ctx context.Context, p, was *pooldef.Pool, wait time.Duration) error {
	b, err := d.Backend(p.Type)
	if err != nil {
		return err
	}
	starter, starts := b.(backend.Starter)
	if !starts {
		if err := d.refresh(ctx, b, p, wait); err != nil {
			return err
		}
		return d.Store.SaveState(p)
	}
	if err := d.Store.SaveState(p); err != nil { // first: a killed start leaves a pool that can be stopped
		return err
	}
	started := *p
	started.Started = true
	err = d.passWarning(starter.Start(ctx, &started))
	if err == nil {
		if err = d.refresh(ctx, b, &started, wait); err == nil {
			return nil
		}
		if stopErr := starter.Stop(context.WithoutCancel(ctx), &started); stopErr != nil {
			return errors.Join(err, stopErr)
		}
	}
	if was != nil {
		return errors.Join(err, d.Store.SaveState(was))
	}
	return errors.Join(err, d.Store.RemoveState(p.Name))
}

// RefreshPool checks that an active pool can be read, looks for new volumes, and removes leftovers.
func (d *Driver) RefreshPool(ctx context.Context, nameOrUUID string) error {
	entry, b, unlock, err := d.ActivePool(ctx, nameOrUUID)
	defer unlock()
	if err != nil {
		return err
	}
	if err := d.refresh(ctx, b, entry.Current(), 0); err != nil {
		return err
	}
	if remover, ok := b.(backend.StaleRemover); ok {
		_, err = remover.RemoveStale(ctx, entry.Current())
	}
	return err
}

// refresh looks for new volumes in a pool's storage, for up to wait, and reads what a listing reads first. In
// a dry run, the storage may not exist yet: then refresh reads nothing.
func (d *Driver) refresh(ctx context.Context, b backend.Backend, p *pooldef.Pool, wait time.Duration) error {
	refresher, refreshes := b.(backend.Refresher)
	if d.DryRun {
		_, starts := b.(backend.Starter)
		active, err := ask(ctx, d, p, func() (bool, error) { return b.Active(ctx, p) })
		switch {
		case active && refreshes:
			return refresher.Refresh(ctx, p, 0)
		case active || starts || err != nil:
			return err
		}
	}
	if refreshes {
		if err := refresher.Refresh(ctx, p, wait); err != nil {
			return err
		}
	}
	if _, err := d.space(ctx, b, p); err != nil {
		return err
	}
	for _, err := range b.Volumes(ctx, p) {
		return err
	}
	return nil
}
