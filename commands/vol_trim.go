package commands

import (
	"fmt"

	"poolctl/backend/driver"
	"poolctl/backend/host"
)

// VolTrim is the verb vol-trim.
type VolTrim struct {
	volumeArgs
	changing
}

// Help implements kong.HelpProvider.
func (*VolTrim) Help() string {
	return "Blocks that contain only zeros are given back to the file system, thin pool, zpool or cluster; " +
		"the data in the volume do not change. Guests leave zeros, or discard blocks themselves, for example by " +
		"fstrim. No guest may be using the volume.\n\n" +
		"  poolctl vol-trim disk.raw images"
}

// Run deallocates the zeros in a volume.
func (c *VolTrim) Run(e *env) error {
	name := ""
	err := e.changeVolume(&c.volumeArgs, func(v *driver.Volume, progress host.Progress) error {
		name = v.Name
		trimmer, err := e.driver.Trimmer(e.ctx, v)
		if err != nil {
			return err
		}
		return trimmer.Trim(e.ctx, v.Pool(), v.Name, progress)
	})
	if err != nil {
		return fmt.Errorf("trim volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s trimmed", name)
	return nil
}
