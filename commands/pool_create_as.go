package commands

import (
	"fmt"

	"poolctl/pooldef/codec"
)

// PoolCreateAs is the verb pool-create-as.
type PoolCreateAs struct {
	poolArgs
	buildFlags
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolCreateAs) Help() string {
	return "The pool is transient: stopping it, or the machine, removes it.\n\n" +
		"  poolctl pool-create-as scratch dir --target /srv/scratch --build"
}

// Run starts a transient pool defined by arguments.
func (c *PoolCreateAs) Run(e *env) error {
	if c.PrintXml {
		e.Result(c.element().String())
		return nil
	}
	p, err := codec.PoolFromElement(c.element())
	if err == nil {
		e.reportDefinition(p)
		err = e.driver.CreatePool(e.ctx, p, c.startOptions(e))
	}
	if err != nil {
		return fmt.Errorf("create pool %q: %w", c.Name, err)
	}
	e.Say("Pool %s created", c.Name)
	return nil
}
