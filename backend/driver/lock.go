package driver

import (
	"context"
	"errors"
	"time"

	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// patience is how long a lock may take before WarnWaiting reports the wait.
const patience = time.Second

// lock locks a pool by name.
func (d *Driver) lock(ctx context.Context, name string, mode store.LockMode) (unlock func(), err error) {
	return d.wait(ctx, func(ctx context.Context) (func(), error) { return d.Store.LockPool(ctx, name, mode) })
}

// LockApply locks the volumes of a pool against other processes that apply definitions.
func (d *Driver) LockApply(ctx context.Context, name string) (unlock func(), err error) {
	return d.wait(ctx, func(ctx context.Context) (func(), error) { return d.Store.LockApply(ctx, name) })
}

// LockDefinitions locks the set of all definitions, so that no other process adds one.
func (d *Driver) LockDefinitions(ctx context.Context) (unlock func(), err error) {
	return d.wait(ctx, d.Store.LockDefinitions)
}

// wait takes a lock within LockTimeout. A LockTimeout of 0 means one attempt. In a dry run, wait takes no
// lock. Answers that the host has cached are dropped, because the holder of the lock may have changed the
// machine.
func (d *Driver) wait(
	ctx context.Context, lock func(context.Context) (func(), error),
) (unlock func(), err error) {
	if d.DryRun {
		return func() {}, nil
	}
	defer d.Host.Invalidate()
	limit := max(d.LockTimeout, time.Millisecond)
	if limit > patience && d.WarnWaiting != nil {
		unlock, err = within(ctx, patience, lock)
		if _, ok := errors.AsType[*pooldef.LockError](err); !ok {
			return unlock, err
		}
		d.WarnWaiting(err)
		limit -= patience
	}
	return within(ctx, limit, lock)
}

// within calls lock with a context that ends after limit.
func within(
	ctx context.Context, limit time.Duration, lock func(context.Context) (func(), error),
) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return lock(ctx)
}
