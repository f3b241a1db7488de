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
	p := v.entry.Live()
	deleter, err := backend.As[backend.Deleter](v.backend, p.Type, "volume deletion")
	if err != nil {
		return err
	}
	if c.DeleteSnapshots {
		return &backend.UnsupportedError{Type: p.Type, What: "deleting snapshots with a volume"}
	}
	return deleter.Delete(e.ctx, p, v.Name)
}
