package commands

import (
	"fmt"

	"poolctl/backend/driver"
	"poolctl/backend/host"
)

// VolFlatten is the verb vol-flatten.
type VolFlatten struct {
	volumeArgs
	changing
}

// Help implements kong.HelpProvider.
func (*VolFlatten) Help() string {
	return "The data that the image needs of its backing stores is copied into it. Images that are based on " +
		"it stay as they are. Nothing may use the image. If the command is killed, the image still has its " +
		"backing store, and its data is complete.\n\n" +
		"  poolctl vol-flatten vm1.qcow2 images"
}

// Run flattens an image.
func (c *VolFlatten) Run(e *env) error {
	err := e.changeVolume(&c.volumeArgs, func(v *driver.Volume, progress host.Progress) error {
		return e.driver.FlattenVolume(e.ctx, v, progress)
	})
	if err != nil {
		return fmt.Errorf("flatten volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s flattened", c.Vol)
	return nil
}
