package commands

import (
	"fmt"

	"poolctl/backend"
)

// VolWipe is the verb vol-wipe.
type VolWipe struct {
	volumeArgs
	Algorithm string `position:"" default:"zero" enum:"zero,nnsa,dod,bsi,gutmann,schneier,pfitzner7,pfitzner33,random,trim" placeholder:"HOW" help:"zero (default), trim, random, or a scrub(1) pattern: nnsa, dod, bsi, gutmann, schneier, pfitzner7, pfitzner33."`
	changing
}

// Help implements kong.HelpProvider.
func (c *VolWipe) Help() string {
	return "The whole volume, including an image's header, then reads as zeros, except after " +
		"patterns that leave other data. zero lets the storage mark blocks as empty where " +
		"possible, which takes no time; trim releases the space; patterns overwrite everything, " +
		"some of them many times. Copies of old data elsewhere on the disk or in the file system " +
		"are not reached.\n\n" +
		"  poolctl vol-wipe disk.raw images\n" +
		"  poolctl vol-wipe disk.raw images --algorithm random"
}

// Run wipes a volume.
func (c *VolWipe) Run(e *env) error {
	if err := c.wipe(e); err != nil {
		return fmt.Errorf("wipe volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s wiped", c.Vol)
	return nil
}

func (c *VolWipe) wipe(e *env) error {
	v, err := e.driver.FindVolumeToTransfer(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	p := v.Pool()
	wiper, err := backend.As[backend.Wiper](v.Backend, p.Type, "wiping volumes")
	if err != nil {
		return err
	}
	progress, done := e.Progress()
	defer done()
	if err := wiper.Wipe(e.ctx, p, v.Name, c.Algorithm, progress); err != nil {
		return err
	}
	e.reportVolume(v.Backend, p, v.Name, v.Volume)
	return nil
}
