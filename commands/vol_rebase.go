package commands

import (
	"errors"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// VolRebase is the verb vol-rebase.
type VolRebase struct {
	Vol              string `arg:"" help:"Name, key or path of the volume."`
	BackingVol       string `arg:"" help:"New backing store: name of a volume in the same pool, or key or path."`
	Pool             string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
	BackingVolFormat string `placeholder:"FORMAT" help:"Format of the backing store. Required unless it looks like a raw image."`
	Unsafe           bool   `help:"Change only the name in the image. Its data changes, unless both backing stores have the same content."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolRebase) Help() string {
	return "What differs between the backing stores is copied into the image, so that a guest sees the same " +
		"data as before. Nothing may use the image.\n\n" +
		"--unsafe is for a backing store that was moved or renamed. It is refused if other images are based on " +
		"the image. The file need not exist yet.\n\n" +
		"  poolctl vol-rebase vm1.qcow2 new.qcow2 images --backing-vol-format qcow2\n" +
		"  poolctl vol-rebase vm1.qcow2 /srv/moved/base.qcow2 images --unsafe \\\n" +
		"    --backing-vol-format qcow2"
}

// Run rebases an image.
func (c *VolRebase) Run(e *env) error {
	if c.Unsafe && c.BackingVolFormat == "" {
		return &usageError{"vol-rebase", "--unsafe needs --backing-vol-format"}
	}
	args := &volumeArgs{Vol: c.Vol, Pool: c.Pool}
	err := e.changeVolume(args, func(v *driver.Volume, progress host.Progress) error {
		path, err := e.driver.BackingPath(e.ctx, v.Backend, v.Pool(), c.BackingVol)
		if c.Unsafe && errors.Is(err, backend.ErrNoVolume) {
			path, err = c.BackingVol, nil
		}
		if err != nil {
			return err
		}
		onto := &pooldef.VolumeTarget{Path: path, Format: c.BackingVolFormat}
		return e.driver.RebaseVolume(e.ctx, v, onto, c.Unsafe, progress)
	})
	if err != nil {
		return fmt.Errorf("rebase volume %q: %w", c.Vol, err)
	}
	e.Say("Vol %s rebased onto %s", c.Vol, c.BackingVol)
	return nil
}
