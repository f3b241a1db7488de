package commands

import (
	"poolctl/backend/driver"
	"poolctl/pooldef"
)

// VolSnapshotClone is the verb vol-snapshot-clone.
type VolSnapshotClone struct {
	Vol      string `arg:"" help:"Name, key or path of the volume."`
	Snapshot string `arg:"" help:"Name of the snapshot."`
	Newname  string `arg:"" help:"Name of the new volume, in the same pool."`
	Pool     string `position:"" placeholder:"POOL" help:"Name or uuid of the volume's pool. Required with a name, not with a path."`
	Full     bool   `help:"Copy all data, also where the new volume would depend on the snapshot (rbd, zfs)."`
	preallocation
	ifMissing
	changing
}

// Help implements kong.HelpProvider.
func (*VolSnapshotClone) Help() string {
	return "Creates a volume with the data of a snapshot; the volume may be in use, except where snapshots " +
		"are inside the image (qcow2). In a Ceph cluster and in ZFS the new volume shares data with the " +
		"snapshot, which cannot be deleted before the new volume, unless --full copies all data.\n\n" +
		"  poolctl vol-snapshot-clone vm1 daily-2026-11-30 vm1-restored tank"
}

// Run creates a volume from a snapshot.
func (c *VolSnapshotClone) Run(e *env) error {
	args := snapshotArgs{Vol: c.Vol, Snapshot: c.Snapshot, Pool: c.Pool}
	return args.withVolume(e, "clone", func(v *driver.Volume) error { return c.clone(e, v) })
}

func (c *VolSnapshotClone) clone(e *env, source *driver.Volume) error {
	if text := pooldef.CheckVolumeName(c.Newname); text != "" {
		return pooldef.Problems{{Element: "name", Text: text}}
	}
	o, err := copyFlags{Full: c.Full, preallocation: c.preallocation}.options()
	if err != nil {
		return err
	}
	s, err := e.driver.FindSnapshot(e.ctx, source, c.Snapshot)
	if err != nil {
		return err
	}
	v := driver.CloneOf(source.Volume, c.Newname)
	if s.Capacity.Known {
		v.Capacity = s.Capacity
	}
	progress, done := e.Progress()
	defer done()
	o.Progress = progress
	create := func() error { return e.driver.CloneSnapshot(e.ctx, v, source, c.Snapshot, o) }
	const text = "Vol %s cloned from snapshot %s of %s"
	return c.create(e, source.Backend, source.Pool(), v, create, text, c.Newname, c.Snapshot, source.Name)
}
