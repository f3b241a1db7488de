package commands

import (
	"cmp"
	"fmt"

	"poolctl/backend/driver"
	"poolctl/pooldef"
)

// VolMove is the verb vol-move.
type VolMove struct {
	Vol     string `arg:"" help:"Name, key or path of the volume."`
	Pool    string `arg:"" help:"Name or uuid of the volume's pool."`
	Target  string `arg:"" placeholder:"POOL" help:"Name or uuid of the pool that gets the volume."`
	Newname string `position:"" placeholder:"NAME" help:"Name of the volume there. Default: its name."`
	Format  string `placeholder:"FORMAT" help:"Format of the volume there. Default: its format, or raw for devices."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolMove) Help() string {
	return "On one file system, the file is renamed, and so is a volume within a zpool or a Gluster volume. " +
		"Otherwise the data is copied, the copy is read back and compared byte by byte, and only then the volume " +
		"is deleted. If the command is killed, the volume is in its pool, in the target, or in both.\n\n" +
		"A volume in use is not moved, nor is one that images are based on. A copy of an image with a backing " +
		"store is independent of it. A volume with snapshots is only renamed. Volumes of these pools can be " +
		"moved: dir, fs, netfs, vstorage, gluster, logical, disk, zfs and rbd. For others, the error says how to " +
		"copy them. Devices and images of Ceph become raw files unless --format is given.\n\n" +
		"  poolctl vol-move disk.qcow2 images archive\n" +
		"  poolctl vol-move root vg images --newname root.qcow2 --format qcow2"
}

// Run moves a volume.
func (c *VolMove) Run(e *env) error {
	if err := c.move(e); err != nil {
		return fmt.Errorf("move volume %q to pool %q: %w", c.Vol, c.Target, err)
	}
	return nil
}

func (c *VolMove) move(e *env) error {
	source, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer source.Unlock()
	name := cmp.Or(c.Newname, source.Name)
	if text := pooldef.CheckVolumeName(name); text != "" {
		return pooldef.Problems{{Element: "name", Text: text}}
	}
	entry, b, unlock, err := e.driver.ActivePool(e.ctx, c.Target)
	defer unlock()
	if err != nil {
		return err
	}
	if err := driver.CheckFormat(entry.Current(), c.Format); err != nil {
		return err
	}
	progress, done := e.Progress()
	defer done()
	to := driver.Destination{Pool: entry.Current(), Backend: b, Name: name, Format: c.Format}
	moved, err := e.driver.MoveVolume(e.ctx, source, to, progress)
	if moved != nil {
		e.settle(nil) // also if the volume is still in its pool
		e.reportVolume(b, to.Pool, name, moved)
	}
	if err != nil {
		return err
	}
	e.Say("Vol %s moved to pool %s", c.Vol, entry.Name)
	return nil
}
