package commands

import (
	"fmt"

	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// VolClone is the verb vol-clone.
type VolClone struct {
	Vol      string `arg:"" help:"Name, key or path of the volume."`
	Newname  string `arg:"" help:"Name of the copy, in the same pool."`
	Pool     string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
	PrintXml bool   `help:"Print the XML document of the copy, and change nothing."`
	copyFlags
	ifMissing
	changing
}

// copyFlags say how the data of a volume are copied to another.
type copyFlags struct {
	Reflink bool `help:"Share blocks with the copy, or fail. Default: share if possible."`
	Full    bool `help:"Copy all data, also where the copy would depend on the source (rbd)."`
	InUse   bool `help:"Copy a volume that is in use, such as by a running guest. The copy may be inconsistent."`
	preallocation
}

func (f copyFlags) options() (backend.CloneOptions, error) {
	o, err := f.preallocation.options()
	if f.Reflink && f.Full {
		err = exclusive("", "reflink", "full")
	}
	return backend.CloneOptions{CreateOptions: o, Reflink: f.Reflink, InUse: f.InUse, Full: f.Full}, err
}

// Help implements kong.HelpProvider.
func (c *VolClone) Help() string {
	return "The copy is independent: data from a backing store is copied. In a Ceph cluster (rbd) " +
		"the copy shares data with a snapshot of the source, which cannot be deleted before the " +
		"copy, unless --full copies all data. On file systems with reflinks (btrfs, xfs) both " +
		"share blocks, which takes no time; elsewhere holes stay holes.\n\n" +
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
	b, p, v := source.Backend, source.Pool(), driver.CloneOf(source.Volume, c.Newname)
	create := func() error { return e.driver.Clone(e.ctx, v, source, o) }
	return c.create(e, b, p, v, create, "Vol %s cloned from %s", c.Newname, source.Name)
}
