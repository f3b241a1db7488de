package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// patience is how long somebody at a terminal waits for a lock before being told for whom.
const patience = time.Second

// lock locks a pool by name.
func (e *env) lock(name string, mode store.LockMode) (unlock func(), err error) {
	return e.wait(func(ctx context.Context) (func(), error) { return e.store.LockPool(ctx, name, mode) })
}

// lockDefinitions locks the set of definitions.
func (e *env) lockDefinitions() (unlock func(), err error) { return e.wait(e.store.LockDefinitions) }

// wait takes a lock within the time allowed. A dry run changes nothing, and so needs none. Not waiting at all is one try. What was asked
// before counts no more.
func (e *env) wait(lock func(context.Context) (func(), error)) (unlock func(), err error) {
	if e.cli.DryRun {
		return func() {}, nil
	}
	defer e.host.Invalidate()
	limit := max(time.Duration(e.cli.LockTimeout), time.Millisecond)
	if limit > patience && !e.cli.Quiet && watched() {
		unlock, err = within(e.ctx, patience, lock)
		if locked := (*pooldef.LockError)(nil); !errors.As(err, &locked) {
			return unlock, err
		}
		fmt.Fprintln(e.stderr, "waiting: "+sentence(err))
		limit -= patience
	}
	return within(e.ctx, limit, lock)
}

func within(ctx context.Context, limit time.Duration, lock func(context.Context) (func(), error)) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return lock(ctx)
}
