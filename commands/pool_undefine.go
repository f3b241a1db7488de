package commands

import (
	"fmt"

	"poolctl/backend/host"
	"poolctl/pooldef/store"
)

// PoolUndefine is the verb pool-undefine.
type PoolUndefine struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Run removes a definition, even one that cannot be used.
func (c *PoolUndefine) Run(e *env) error {
	if err := c.undefine(e); err != nil {
		return fmt.Errorf("undefine pool %q: %w", c.Pool, err)
	}
	e.say("Pool %s has been undefined", c.Pool)
	return nil
}

func (c *PoolUndefine) undefine(e *env) error {
	entry, unlock, err := e.lockPool(c.Pool, store.Exclusive)
	defer unlock()
	switch {
	case err != nil && entry.File == "":
		return err
	case err != nil:
		e.warn("the definition could not be used: %w", err)
		return e.store.Undefine(entry)
	case entry.File == "":
		return &stateError{fmt.Sprintf("pool %q is transient: it has no definition", entry.Name),
			"poolctl pool-destroy " + host.Quote(entry.Name) + " stops and forgets it"}
	}
	if err := e.mustBeInactive(entry); err != nil {
		return err
	}
	if entry.Started != nil { // somebody was killed when he started it, or its storage has gone
		b, err := e.backend(entry.Current())
		if err == nil {
			err = e.forget(b, entry)
		}
		if err != nil {
			return err
		}
	}
	return e.store.Undefine(entry)
}
