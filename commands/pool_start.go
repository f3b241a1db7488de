package commands

import (
	"fmt"
	"time"

	"poolctl/pooldef/store"
)

// PoolStart is the verb pool-start.
type PoolStart struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
	buildFlags
	Wait waiting `placeholder:"TIME" help:"Wait until there is a volume, in pools of units that come by themselves (iscsi, scsi): 30 seconds, or the time given."`
}

// Run starts a defined pool.
func (c *PoolStart) Run(e *env) error {
	entry, unlock, err := e.lockPool(c.Pool, store.Exclusive)
	defer unlock()
	if err == nil {
		err = e.startPool(entry, &c.buildFlags, time.Duration(c.Wait))
	}
	if err != nil {
		return fmt.Errorf("start pool %q: %w", c.Pool, err)
	}
	e.say("Pool %s started", c.Pool)
	return nil
}

// startPool starts a pool that is not active, and builds it before if that is wanted. It waits so long for volumes that come by themselves.
func (e *env) startPool(entry *store.Entry, f *buildFlags, wait time.Duration) error {
	if err := e.mustBeInactive(entry); err != nil {
		return err
	}
	p := entry.Persistent
	if p == nil { // a transient pool whose storage has gone
		p = entry.Started
	}
	if f.wanted() {
		if err := e.build(p, f.options()); err != nil {
			return err
		}
	}
	return e.start(p, entry.Started, wait)
}
