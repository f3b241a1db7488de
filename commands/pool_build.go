package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef/store"
)

// PoolBuild is the verb pool-build.
type PoolBuild struct {
	Pool        string `arg:"" help:"Name or uuid of the pool."`
	Overwrite   bool   `xor:"overwrite" help:"Format the device, whatever is on it."`
	NoOverwrite bool   `xor:"overwrite" help:"Format the device, but only if it is empty."`
}

// Run builds a pool that is not active.
func (c *PoolBuild) Run(e *env) error {
	entry, unlock, err := e.lockPool(c.Pool, store.Exclusive)
	defer unlock()
	if err == nil {
		err = e.mustBeInactive(entry)
	}
	if err == nil {
		err = e.build(entry.Current(), backend.BuildOptions{Overwrite: c.Overwrite, NoOverwrite: c.NoOverwrite})
	}
	if err != nil {
		return fmt.Errorf("build pool %q: %w", c.Pool, err)
	}
	e.say("Pool %s built", c.Pool)
	return nil
}
