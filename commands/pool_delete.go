package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef/store"
)

// PoolDelete is the verb pool-delete.
type PoolDelete struct {
	Pool string `arg:"" help:"Name or uuid of the pool."`
}

// Help implements kong.HelpProvider.
func (c *PoolDelete) Help() string {
	return "Removes what pool-build made, a directory for one, if there is nothing left in it. The definition stays: see pool-undefine."
}

// Run removes a stopped pool's storage.
func (c *PoolDelete) Run(e *env) error {
	entry, unlock, err := e.lockPool(c.Pool, store.Exclusive)
	defer unlock()
	if err == nil {
		err = e.removePool(entry)
	}
	if err != nil {
		return fmt.Errorf("delete pool %q: %w", c.Pool, err)
	}
	e.say("Pool %s deleted", c.Pool)
	return nil
}

func (e *env) removePool(entry *store.Entry) error {
	if err := e.mustBeInactive(entry); err != nil {
		return err
	}
	b, err := e.backend(entry.Current())
	if err != nil {
		return err
	}
	remover, err := backend.As[backend.PoolDeleter](b, entry.Current().Type, "pool deletion")
	if err != nil {
		return err
	}
	return remover.DeletePool(e.ctx, entry.Current())
}
