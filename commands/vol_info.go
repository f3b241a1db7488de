package commands

import (
	"cmp"
	"errors"
	"fmt"

	"poolctl/backend/driver"
	"poolctl/format"
	"poolctl/pooldef"
)

// VolInfo is the verb vol-info.
type VolInfo struct {
	volumeArgs
	chainFlag
	Bytes    bool `help:"Print sizes in bytes."`
	Physical bool `help:"Print the physical size instead of the allocation."`
	output
}

// volumeArgs name a volume.
type volumeArgs struct {
	Vol  string `arg:"" help:"Name, key or path of the volume."`
	Pool string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
}

// Help implements kong.HelpProvider.
func (*VolInfo) Help() string {
	return "  poolctl vol-info disk.raw images\n" +
		"  poolctl vol-info /var/lib/images/disk.raw --bytes"
}

// Run shows one volume.
func (c *VolInfo) Run(e *env) error {
	if err := c.pick(volumeFields); err != nil {
		return err
	}
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	if err := c.read(e, v); err != nil {
		return err
	}
	if !c.isForPeople() {
		printer := e.volumePrinter(&c.output, true)
		if err := printer.add(v.Volume); err != nil {
			return err
		}
		return errors.Join(printer.close(), v.Err)
	}
	label, used := "Allocation:", v.Allocation
	if c.Physical {
		label, used = "Physical:", v.Physical
	}
	e.Print("%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n", "Name:", format.Printable(v.Name), "Type:", v.Type,
		"Capacity:", volumeSize(v.Capacity, c.Bytes), label, volumeSize(used, c.Bytes))
	for _, image := range v.Chain {
		e.Print("%-15s %s\n", "Backing:", chainLine(image, c.Bytes))
	}
	return v.Err
}

// chainFlag requests all images below a volume.
type chainFlag struct {
	BackingChain bool `help:"Show the complete backing chain."`
}

// read adds the backing chain to a volume if the option is set. If the chain is not complete, the volume's
// Err says why.
func (c *chainFlag) read(e *env, v *driver.Volume) error {
	if !c.BackingChain {
		return nil
	}
	return e.driver.ReadChain(e.ctx, v)
}

// chainLine describes an image of a chain for people.
func chainLine(image *pooldef.Volume, asBytes bool) string {
	text := cmp.Or(image.Target.Format, "unknown")
	if image.Capacity.Known {
		text += ", " + volumeSize(image.Capacity, asBytes)
	}
	return fmt.Sprintf("%s (%s)", format.Printable(image.Target.Path), text)
}
