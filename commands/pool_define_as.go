package commands

import (
	"fmt"

	"poolctl/pooldef/codec"
)

// PoolDefineAs is the verb pool-define-as.
type PoolDefineAs struct {
	poolArgs
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolDefineAs) Help() string {
	return "  poolctl pool-define-as images dir --target /var/lib/images\n" +
		"  poolctl pool-define-as images dir - - - - /var/lib/images"
}

// Run stores a definition given by arguments.
func (c *PoolDefineAs) Run(e *env) error {
	if c.PrintXml {
		e.Result(c.element().String())
		return nil
	}
	p, err := codec.PoolFromElement(c.element())
	if err == nil {
		err = e.driver.Define(e.ctx, p, nil)
	}
	if err != nil {
		return fmt.Errorf("define pool %q: %w", c.Name, err)
	}
	e.reportDefinition(p)
	e.Say("Pool %s defined", c.Name)
	return nil
}
