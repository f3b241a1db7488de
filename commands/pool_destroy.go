package commands

import (
	"errors"

	"poolctl/backend/driver"
)

// PoolDestroy is the verb pool-destroy.
type PoolDestroy struct {
	poolArg
	IfActive bool `help:"If the pool is not active, do nothing and succeed."`
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolDestroy) Help() string {
	return "The name is virsh's: no data is destroyed. pool-destroy undoes pool-start and keeps the " +
		"data. A transient pool is removed.\n\n" +
		"  poolctl pool-destroy images\n" +
		"  poolctl pool-destroy images --if-active"
}

// Run stops a pool.
func (c *PoolDestroy) Run(e *env) error {
	err := c.run(e, "stop", "Pool %s destroyed", e.driver.StopPool)
	if _, ok := errors.AsType[*driver.InactiveError](err); ok && c.IfActive {
		return nil
	}
	return err
}
