package commands

import "fmt"

// PoolDefine is the verb pool-define.
type PoolDefine struct {
	File     string `arg:"" help:"Definition, XML or YAML; - is standard input."`
	Validate bool   `help:"Reject unknown elements and attributes."`
	changing
}

// Help implements kong.HelpProvider.
func (c *PoolDefine) Help() string {
	return "To change a pool, define it again with the same name and uuid, or use pool-edit. A " +
		"change to an active pool takes effect at the next start. A YAML definition is stored as " +
		"written.\n\n" +
		"  poolctl pool-define images.yaml\n" +
		"  ssh otherhost virsh pool-dumpxml images | poolctl pool-define -"
}

// Run stores a definition.
func (c *PoolDefine) Run(e *env) error {
	p, yaml, err := e.readPool(c.File, inputName(c.File), c.Validate)
	if err == nil {
		err = e.driver.Define(e.ctx, p, yaml)
	}
	if err != nil {
		return fmt.Errorf("define pool from %s: %w", c.File, err)
	}
	e.reportDefinition(p)
	e.Say("Pool %s defined from %s", p.Name, c.File)
	return nil
}
