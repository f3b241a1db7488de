package commands

import "fmt"

// VolDelete is the verb vol-delete.
type VolDelete struct {
	volumeArgs
	DeleteSnapshots bool `help:"Also delete the volume's snapshots."`
}

// Help implements kong.HelpProvider.
func (*VolDelete) Help() string {
	return "  poolctl vol-delete disk.raw images"
}

// Run deletes a volume.
func (c *VolDelete) Run(e *env) error {
	if err := c.delete(e); err != nil {
		return fmt.Errorf("delete volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s deleted", c.Vol)
	return nil
}

func (c *VolDelete) delete(e *env) error {
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	return e.driver.DeleteVolume(e.ctx, v, c.DeleteSnapshots)
}
