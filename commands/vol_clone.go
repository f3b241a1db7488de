package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// VolClone is the verb vol-clone.
type VolClone struct {
	Vol      string `arg:"" help:"Name, key or path of the volume."`
	Newname  string `arg:"" help:"Name of the copy, in the same pool."`
	Pool     string `position:"" placeholder:"POOL" help:"Name or uuid of its pool. A name needs it, a path does not."`
	PrintXml bool   `help:"Print the document of the copy, and do nothing."`
	copyFlags
}

// copyFlags say how the data of a volume are copied to another.
type copyFlags struct {
	Reflink bool `help:"Share the blocks with the copy, or fail. Without it they are shared where that is possible."`
	Full    bool `help:"Copy all data, also where a new volume would have them from the old one until it is written to (rbd)."`
	InUse   bool `help:"Copy also what somebody may be writing to, such as a guest that runs. The copy may be inconsistent."`
	preallocation
}

func (f *copyFlags) options() (backend.CloneOptions, error) {
	o, err := f.preallocation.options()
	if f.Reflink && f.Full {
		err = &usageError{text: "--reflink and --full exclude each other"}
	}
	return backend.CloneOptions{CreateOptions: o, Reflink: f.Reflink, InUse: f.InUse, Full: f.Full}, err
}

// Help implements kong.HelpProvider.
func (c *VolClone) Help() string {
	return "The copy stands by itself: what a volume takes from its backing store is copied. In a Ceph " +
		"cluster (rbd) it has its data from a snapshot of the old volume, until it is written to, unless " +
		"they are to be copied (--full); the old volume cannot be deleted before. Where the file system " +
		"can (btrfs, xfs), both share their blocks until one is written to, which takes no time; " +
		"otherwise holes stay holes.\n\n" +
		"  poolctl vol-clone golden.qcow2 vm1.qcow2 images"
}

// Run copies a volume.
func (c *VolClone) Run(e *env) error {
	if err := c.clone(e); err != nil {
		return fmt.Errorf("clone volume %q: %w", c.Vol, err)
	}
	return nil
}

func (c *VolClone) clone(e *env) error {
	if text := pooldef.CheckVolumeName(c.Newname); text != "" {
		return pooldef.Problems{{Element: "name", Text: text}}
	}
	source, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer source.Unlock()
	if c.PrintXml {
		copied := *source.Volume
		copied.Name = c.Newname
		e.Result(codec.VolumeElement(&copied).String())
		return source.Err
	}
	o, err := c.options()
	if err != nil {
		return err
	}
	progress, done := e.Progress()
	defer done()
	o.Progress = progress
	if err := e.driver.Clone(e.ctx, source, c.Newname, o); err != nil {
		return err
	}
	e.Say("Vol %s cloned from %s", c.Newname, source.Name)
	return nil
}
