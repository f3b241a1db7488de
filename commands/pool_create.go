package commands

import "fmt"

// PoolCreate is the verb pool-create.
type PoolCreate struct {
	File string `arg:"" file:"" help:"Definition, XML or YAML; - is standard input."`
	buildFlags
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolCreate) Help() string {
	return "The pool is transient: stopping it, or the machine, removes it. See pool-define and " +
		"pool-start.\n\n" +
		"  poolctl pool-create scratch.yaml --build"
}

// Run starts a transient pool.
func (c *PoolCreate) Run(e *env) error {
	p, _, err := e.readPool(c.File, inputName(c.File), false)
	if err == nil {
		e.reportDefinition(p)
		err = e.driver.CreatePool(e.ctx, p, c.startOptions(e))
	}
	if err != nil {
		return fmt.Errorf("create pool from %s: %w", c.File, err)
	}
	e.Say("Pool %s created from %s", p.Name, c.File)
	return nil
}
