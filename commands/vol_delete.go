package commands

import (
	"fmt"

	"poolctl/backend"
)

// VolDelete is the verb vol-delete.
type VolDelete struct {
	volumeArgs
	DeleteSnapshots bool `help:"Delete its snapshots, too, where the pool's type has them."`
}

// Run deletes a volume.
func (c *VolDelete) Run(e *env) error {
	if err := c.delete(e); err != nil {
		return fmt.Errorf("delete volume %q: %w", c.Vol, err)
	}
	e.say("Vol %s deleted", c.Vol)
	return nil
}

func (c *VolDelete) delete(e *env) error {
	v, err := e.findVolume(c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.unlock()
	p := v.entry.Current()
	deleter, err := backend.As[backend.Deleter](v.backend, p.Type, "volume deletion")
	if err != nil {
		return err
	}
	if c.DeleteSnapshots {
		deleter, err := backend.As[backend.SnapshotDeleter](v.backend, p.Type, "deleting snapshots with a volume")
		if err != nil {
			return err
		}
		return deleter.DeleteWithSnapshots(e.ctx, p, v.Name)
	}
	return deleter.Delete(e.ctx, p, v.Name)
}
