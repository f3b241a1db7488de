package commands

import (
	"fmt"

	"poolctl/backend/driver"
	"poolctl/backend/host"
)

// VolWipe is the verb vol-wipe.
type VolWipe struct {
	volumeArgs
	Algorithm string `position:"" default:"zero" enum:"zero,nnsa,dod,bsi,gutmann,schneier,pfitzner7,pfitzner33,random,trim" placeholder:"HOW" help:"zero (default), trim, random, or a scrub(1) pattern: nnsa, dod, bsi, gutmann, schneier, pfitzner7, pfitzner33."`
	overwriting
	changing
}

// Help implements kong.HelpProvider.
func (c *VolWipe) Help() string {
	return "The whole volume, including an image's header, then reads as zeros, except after " +
		"patterns that leave other data. zero lets the storage mark blocks as empty where " +
		"possible, which takes no time; trim releases the space; patterns overwrite everything, " +
		"some of them many times. Copies of old data elsewhere on the disk or in the file system " +
		"are not reached. A volume that images are based on is not wiped without --in-use.\n\n" +
		"  poolctl vol-wipe disk.raw images\n" +
		"  poolctl vol-wipe disk.raw images --algorithm random"
}

// Run wipes a volume.
func (c *VolWipe) Run(e *env) error {
	err := e.changeFound(e.driver.FindVolumeToTransfer, &c.volumeArgs,
		func(v *driver.Volume, progress host.Progress) error {
			wiper, err := e.driver.Wiper(e.ctx, v, c.InUse)
			if err != nil {
				return err
			}
			return wiper.Wipe(e.ctx, v.Pool(), v.Name, c.Algorithm, progress)
		})
	if err != nil {
		return fmt.Errorf("wipe volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s wiped", c.Vol)
	return nil
}
