package commands

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef/store"
)

// PoolDestroy is the verb pool-destroy.
type PoolDestroy struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolDestroy) Help() string {
	return "The name is virsh's: nothing is destroyed. What pool-start did is undone; the data stay. A transient pool is forgotten."
}

// Run stops a pool.
func (c *PoolDestroy) Run(e *env) error {
	entry, unlock, err := e.lockPool(c.Pool, store.Exclusive)
	defer unlock()
	if err == nil {
		err = e.stopPool(entry)
	}
	if err != nil {
		return fmt.Errorf("stop pool %q: %w", c.Pool, err)
	}
	e.say("Pool %s destroyed", c.Pool)
	return nil
}

// stopPool undoes the start, then removes the record of it. A pool whose storage has gone can be stopped, too.
func (e *env) stopPool(entry *store.Entry) error {
	b, err := e.backend(entry.Current())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.limit()/2) // stopping takes its time, too
	defer cancel()
	active, err := e.activeIn(ctx, entry)
	starter, starts := b.(backend.Starter)
	switch {
	case entry.Started != nil, err != nil && starts: // a server that does not answer, for one
	case err != nil:
		return err
	case !active:
		return notActive(entry.Name)
	}
	if starts && (active || err != nil) {
		if err := starter.Stop(e.ctx, entry.Current()); err != nil {
			return err
		}
		return e.store.RemoveState(entry.Name)
	}
	return e.forget(b, entry)
}

// forget removes the record of a pool that is not active, and before that what a start has left that was killed.
func (e *env) forget(b backend.Backend, entry *store.Entry) error {
	if cleaner, ok := b.(backend.StartCleaner); ok {
		if err := cleaner.CleanUp(e.ctx, entry.Current()); err != nil {
			return err
		}
	}
	return e.store.RemoveState(entry.Name)
}
