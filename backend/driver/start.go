package driver

import (
	"context"
	"errors"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// StartOptions control how a pool is started.
type StartOptions struct {
	Build    *backend.BuildOptions // if not nil, the pool is built first
	Built    func()                // called when the pool has been built; may be nil
	Wait     time.Duration         // how long to wait for the first volume to appear (see [backend.Refresher])
	Degraded bool                  // start what is available if devices are missing ([backend.DegradedStarter])
}

// StartPool starts a pool that is not active; the error is an ActiveError if it is.
func (d *Driver) StartPool(ctx context.Context, nameOrUUID string, o StartOptions) error {
	entry, unlock, err := d.LockPool(ctx, nameOrUUID, store.Exclusive)
	defer unlock()
	if err != nil {
		return err
	}
	return d.startEntry(ctx, entry, o)
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
	return true, d.startEntry(ctx, entry, StartOptions{})
}

// startEntry starts a pool that is locked.
func (d *Driver) startEntry(ctx context.Context, entry *store.Entry, o StartOptions) error {
	if err := d.checkInactive(ctx, entry); err != nil {
		return err
	}
	p := entry.Persistent
	if p == nil { // a transient pool whose storage has disappeared
		p = entry.Started
	}
	return d.start(ctx, p, entry.Started, o)
}

// start builds a pool if the options say so, makes it usable and writes its run record. If that fails, start
// undoes all but the building. was is the run record before, or nil.
func (d *Driver) start(ctx context.Context, p, was *pooldef.Pool, o StartOptions) error {
	b, err := d.Backend(p.Type)
	if err != nil {
		return err
	}
	begin, err := d.starter(b, p, o)
	if err != nil {
		return err
	}
	if o.Build != nil {
		if err := d.build(ctx, p, *o.Build); err != nil {
			return err
		}
		if o.Built != nil {
			o.Built()
		}
	}
	starter, starts := b.(backend.Starter)
	if !starts {
		if err := begin(ctx, p); err != nil {
			return err
		}
		if err := d.refresh(ctx, b, p, o.Wait); err != nil {
			return err
		}
		return d.Store.SaveState(p)
	}
	if err := d.Store.SaveState(p); err != nil { // first: a killed start leaves a pool that can be stopped
		return err
	}
	started := *p
	started.Started = true
	if err = d.passWarning(begin(ctx, &started)); err == nil {
		if err = d.refresh(ctx, b, &started, o.Wait); err == nil {
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

// starter returns the function of a backend that starts a pool. For a pool type whose start changes nothing,
// the function does nothing.
func (d *Driver) starter(
	b backend.Backend, p *pooldef.Pool, o StartOptions,
) (func(context.Context, *pooldef.Pool) error, error) {
	if o.Degraded {
		degraded, err := backend.As[backend.DegradedStarter](b, p.Type, "a degraded start")
		return func(ctx context.Context, p *pooldef.Pool) error {
			missing, err := degraded.StartDegraded(ctx, p)
			for _, v := range missing {
				d.Warn("volume %q is not active: %w", v.Name, v.Err)
			}
			return err
		}, err
	}
	if starter, starts := b.(backend.Starter); starts {
		return starter.Start, nil
	}
	return func(context.Context, *pooldef.Pool) error { return nil }, nil
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

// refresh looks for new volumes in a pool's storage, for up to wait, and reads what a listing reads first. It
// accepts a listing that lacks volumes. In a dry run, the storage may not exist yet: then refresh reads
// nothing.
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
		if err := d.passWarning(refresher.Refresh(ctx, p, wait)); err != nil {
			return err
		}
	}
	if _, err := d.space(ctx, b, p); err != nil {
		return err
	}
	for _, err := range b.Volumes(ctx, p) {
		if _, isPartial := errors.AsType[*backend.PartialError](err); isPartial {
			return nil
		}
		return err
	}
	return nil
}
