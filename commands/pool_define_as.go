package commands

import (
	"fmt"

	"poolctl/pooldef/codec"
)

// PoolDefineAs is the verb pool-define-as.
type PoolDefineAs struct {
	poolArgs
	updating
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
	changed := false
	if err == nil {
		changed, err = c.define(e, p, nil)
	}
	if err != nil {
		return fmt.Errorf("define pool %q: %w", c.Name, err)
	}
	if !changed {
		return nil
	}
	e.Say("Pool %s defined", c.Name)
	return nil
}
