package commands

import (
	"fmt"

	"poolctl/backend/driver"
	"poolctl/backend/host"
)

// VolCommit is the verb vol-commit.
type VolCommit struct {
	volumeArgs
	changing
}

// Help implements kong.HelpProvider.
func (*VolCommit) Help() string {
	return "The backing store then has the data that a guest sees in the image, and the image is empty and " +
		"still based on it. Nothing may use either of them, and no other image may be based on the backing " +
		"store. An image without a backing store stays as it is.\n\n" +
		"  poolctl vol-commit vm1.qcow2 images"
}

// Run commits an image.
func (c *VolCommit) Run(e *env) error {
	base := ""
	err := e.changeVolume(&c.volumeArgs, func(v *driver.Volume, progress host.Progress) (err error) {
		base, err = e.driver.CommitVolume(e.ctx, v, progress)
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("commit volume %q: %w", c.Vol, err)
	case base == "":
		e.Say("Vol %s has no backing store", c.Vol)
	default:
		e.Say("Vol %s committed into %s", c.Vol, base)
	}
	return nil
}
