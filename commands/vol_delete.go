package commands

import (
	"errors"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/driver"
)

// VolDelete is the verb vol-delete.
type VolDelete struct {
	volumeArgs
	DeleteSnapshots bool `help:"Also delete the volume's snapshots."`
	InUse           bool `help:"Delete a file even if images, processes or the kernel use it. Images that are based on it lose their data."`
	IfExists        bool `help:"If the pool has no such volume, do nothing and succeed. Needs --pool."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolDelete) Help() string {
	return "A volume that another image has as its backing file or data file is not deleted, nor is a " +
		"file that a process, a running guest, a loop device or a swap area uses. \"poolctl vol-users\" " +
		"names all users.\n\n" +
		"  poolctl vol-delete disk.raw images\n" +
		"  poolctl vol-delete disk.raw images --if-exists"
}

// Run deletes a volume.
func (c *VolDelete) Run(e *env) error {
	if c.IfExists && c.Pool == "" { // the volume may exist in a pool that is not active
		return &usageError{"vol-delete", "--if-exists needs the pool"}
	}
	err := c.delete(e)
	if c.IfExists && errors.Is(err, backend.ErrNoVolume) {
		return nil
	}
	if err != nil {
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
	e.noteVolume(v.Volume)
	return e.driver.DeleteVolume(e.ctx, v, driver.DeleteOptions{Snapshots: c.DeleteSnapshots, InUse: c.InUse})
}
