package commands

import (
	"errors"

	"poolctl/backend/driver"
	"poolctl/pooldef/store"
)

// PoolUndefine is the verb pool-undefine.
type PoolUndefine struct {
	poolArg
	IfDefined bool `help:"If the pool has no definition, do nothing and succeed."`
	changing
}

// Help implements kong.HelpProvider.
func (*PoolUndefine) Help() string {
	return "  poolctl pool-undefine images\n" +
		"  poolctl pool-undefine images --if-defined"
}

// Run removes a definition, even one that cannot be used.
func (c *PoolUndefine) Run(e *env) error {
	err := c.run(e, "undefine", "Pool %s has been undefined", e.driver.UndefinePool)
	_, isTransient := errors.AsType[*driver.TransientError](err)
	if c.IfDefined && (isTransient || errors.Is(err, store.ErrNoPool)) {
		return nil
	}
	return err
}
