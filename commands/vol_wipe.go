package commands

import (
	"fmt"

	"poolctl/backend"
)

// VolWipe is the verb vol-wipe.
type VolWipe struct {
	volumeArgs
	Algorithm string `position:"" default:"zero" enum:"zero,nnsa,dod,bsi,gutmann,schneier,pfitzner7,pfitzner33,random,trim" placeholder:"HOW" help:"zero (unless given), trim, random, or a pattern of scrub(1): nnsa, dod, bsi, gutmann, schneier, pfitzner7, pfitzner33."`
}

// Help implements kong.HelpProvider.
func (c *VolWipe) Help() string {
	return "The whole volume, an image with its header, reads as zeros then, but for the algorithms that " +
		"leave something else. zero has the kernel mark it as empty where it can, which takes no time; " +
		"trim gives its room back; the patterns overwrite all of it, some of them many times. What a disk " +
		"or a file system has kept of earlier data elsewhere, none of them reaches."
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
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
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
	return wiper.Wipe(e.ctx, p, v.Name, c.Algorithm, progress)
}
