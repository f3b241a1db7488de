package commands

import (
	"fmt"

	"poolctl/pooldef/codec"
)

// VolCreateFrom is the verb vol-create-from.
type VolCreateFrom struct {
	Pool      string `arg:"" help:"Name or uuid of the pool."`
	File      string `arg:"" help:"Definition of the volume, XML or YAML; - is standard input."`
	Vol       string `arg:"" help:"Name, key or path of the volume whose data are copied."`
	Inputpool string `position:"" placeholder:"POOL" help:"Name or uuid of that volume's pool. A name needs it, a path does not."`
	Validate  bool   `help:"Refuse elements and attributes that are not known."`
	copyFlags
}

// Help implements kong.HelpProvider.
func (c *VolCreateFrom) Help() string {
	return "The volumes may be of different pools, types and formats. The new one is at least as large as the one that is copied; a definition " +
		"without a capacity takes that one's. A raw volume gets as much room as the definition's allocation says, all of it if that says nothing.\n\n" +
		"  poolctl vol-create-from images disk.yaml /dev/vg/root\n\n" +
		"with disk.yaml such as\n\n" +
		"  name: root.qcow2\n" +
		"  format: qcow2"
}

// Run creates a volume.
func (c *VolCreateFrom) Run(e *env) error {
	if err := c.create(e); err != nil {
		return fmt.Errorf("create volume from %s: %w", c.File, err)
	}
	return nil
}

func (c *VolCreateFrom) create(e *env) error {
	entry, b, unlock, err := e.activePool(c.Pool)
	defer unlock()
	if err != nil {
		return err
	}
	source, err := e.findVolume(c.Vol, c.Inputpool)
	if err != nil {
		return err
	}
	defer source.unlock()
	data, err := e.readInput(c.File)
	if err != nil {
		return err
	}
	p := entry.Current()
	v, warnings, err := codec.ReadCopy(inputName(c.File), data, p.Type.Info(), c.Validate)
	for _, w := range warnings {
		e.warn("%w", w)
	}
	if err != nil {
		return err
	}
	if v.Capacity.Bytes < source.Capacity.Bytes {
		if v.Capacity.Known {
			e.warn("volume %q: the capacity is less than what is copied; it becomes %d bytes", v.Name, source.Capacity.Bytes)
		}
		v.Capacity = source.Capacity
	}
	e.limitAllocation(v)
	if err := e.cloneVolume(b, p, v, source, &c.copyFlags); err != nil {
		return err
	}
	e.say("Vol %s created from input vol %s", v.Name, source.Name)
	return nil
}
