package commands

import (
	"fmt"

	"poolctl/pooldef/codec"
)

// VolCreateFrom is the verb vol-create-from.
type VolCreateFrom struct {
	Pool      string `arg:"" help:"Name or uuid of the pool."`
	File      string `arg:"" file:"" help:"Definition of the volume, XML or YAML; - is standard input."`
	Vol       string `arg:"" help:"Name, key or path of the source volume."`
	Inputpool string `position:"" placeholder:"POOL" help:"Name or uuid of that volume's pool. Required with a name, not with a path."`
	Validate  bool   `help:"Reject unknown elements and attributes."`
	copyFlags
	ifMissing
	changing
}

// Help implements kong.HelpProvider.
func (c *VolCreateFrom) Help() string {
	return "The volumes may be in different pools and have different types and formats. The new " +
		"volume is at least as large as the source, and takes the source's capacity if its " +
		"definition has none. A raw volume is allocated as its definition says, or fully if the " +
		"definition gives no allocation.\n\n" +
		"  poolctl vol-create-from images disk.yaml /dev/vg/root\n\n" +
		"with disk.yaml such as\n\n" +
		"  name: root.qcow2\n" +
		"  format: qcow2"
}

// Run creates a volume.
func (c *VolCreateFrom) Run(e *env) error {
	if err := c.run(e); err != nil {
		return fmt.Errorf("create volume from %s: %w", c.File, err)
	}
	return nil
}

func (c *VolCreateFrom) run(e *env) error {
	entry, b, unlock, err := e.driver.ActivePool(e.ctx, c.Pool)
	defer unlock()
	if err != nil {
		return err
	}
	source, err := e.driver.FindVolume(e.ctx, c.Vol, c.Inputpool)
	if err != nil {
		return err
	}
	defer source.Unlock()
	data, err := e.readInput(c.File)
	if err != nil {
		return err
	}
	p := entry.Current()
	v, warnings, err := codec.ReadCopy(inputName(c.File), data, p.Type.Info(), c.Validate)
	for _, w := range warnings {
		e.Warn("%w", w)
	}
	if err != nil {
		return err
	}
	o, err := c.options()
	if err != nil {
		return err
	}
	progress, done := e.Progress()
	defer done()
	o.Progress = progress
	e.driver.FitCapacity(v, source)
	create := func() error { return e.driver.CreateFrom(e.ctx, b, p, v, source, o) }
	return c.create(e, b, p, v, create, "Vol %s created from input vol %s", v.Name, source.Name)
}
