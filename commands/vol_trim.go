package commands

import (
	"fmt"

	"poolctl/backend"
)

// VolTrim is the verb vol-trim.
type VolTrim struct {
	volumeArgs
	changing
}

// Help implements kong.HelpProvider.
func (*VolTrim) Help() string {
	return "Blocks that contain only zeros are given back to the file system, thin pool, zpool " +
		"or cluster; the data " +
		"in the volume do not change. Guests leave zeros, or discard blocks themselves, for example by fstrim. " +
		"No guest may be using the volume.\n\n" +
		"  poolctl vol-trim disk.raw images"
}

// Run deallocates the zeros in a volume.
func (c *VolTrim) Run(e *env) error {
	if err := c.trim(e); err != nil {
		return fmt.Errorf("trim volume %q: %w", c.Vol, err)
	}
	return nil
}

func (c *VolTrim) trim(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	p := v.Pool()
	trimmer, err := backend.As[backend.Trimmer](v.Backend, p.Type, "trimming volumes")
	if err != nil {
		return err
	}
	progress, done := e.Progress()
	defer done()
	if err := trimmer.Trim(e.ctx, p, v.Name, progress); err != nil {
		return err
	}
	e.reportVolume(v.Backend, p, v.Name, v.Volume)
	e.Say("Vol %s trimmed", v.Name)
	return nil
}
