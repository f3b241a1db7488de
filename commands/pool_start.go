package commands

import (
	"fmt"

	"poolctl/pooldef"
)

// PoolStart is the verb pool-start.
type PoolStart struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
	buildFlags
}

// Run starts a defined pool.
func (c *PoolStart) Run(e *env) error {
	entry, unlock, err := e.lockPool(c.Pool, pooldef.Exclusive)
	defer unlock()
	if err == nil {
		err = e.startPool(entry, &c.buildFlags)
	}
	if err != nil {
		return fmt.Errorf("start pool %q: %w", c.Pool, err)
	}
	e.say("Pool %s started", c.Pool)
	return nil
}

// startPool starts a pool that is not active, and builds it before if that is wanted.
func (e *env) startPool(entry *pooldef.Entry, f *buildFlags) error {
	if err := e.mustBeInactive(entry); err != nil {
		return err
	}
	p := entry.Defined
	if p == nil { // a transient pool whose storage has gone
		p = entry.Running
	}
	if f.wanted() {
		if err := e.build(p, f.options()); err != nil {
			return err
		}
	}
	return e.start(p, entry.Running)
}
