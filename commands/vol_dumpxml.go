package commands

import (
	"errors"

	"poolctl/pooldef/codec"
)

// VolDumpxml is the verb vol-dumpxml.
type VolDumpxml struct {
	volumeArgs
	chainFlag
	xpathFlags
}

// Help implements kong.HelpProvider.
func (*VolDumpxml) Help() string {
	return "  poolctl vol-dumpxml vm1.qcow2 images --backing-chain"
}

// Run prints a volume's document.
func (c *VolDumpxml) Run(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	if err := c.read(e, v); err != nil {
		return err
	}
	return errors.Join(e.printXML(codec.VolumeElement(v.Volume), c.xpathFlags), v.Err)
}
