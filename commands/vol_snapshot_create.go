package commands

import (
	"poolctl/backend"
	"poolctl/backend/driver"
	"poolctl/format"
)

// VolSnapshotCreate is the verb vol-snapshot-create.
type VolSnapshotCreate struct {
	snapshotArgs
	Allocation string `placeholder:"SIZE" help:"Space for changes of a volume that is not thin, in a logical pool: the snapshot is lost if they need more (the volume's size)."`
	InUse      bool   `help:"Also if the volume is in use, such as by a running guest. The snapshot is then as after a power failure. Not possible inside an image (qcow2)."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolSnapshotCreate) Help() string {
	return "Snapshots are inside the image (qcow2), or made by the storage: logical, zfs, rbd, sheepdog. In a " +
		"logical pool a snapshot is itself a volume, read-only, and its name is unique in the pool. Raw files " +
		"have no snapshots: vol-clone --reflink copies one in no time on btrfs and xfs.\n\n" +
		"  poolctl vol-snapshot-create disk.qcow2 before-upgrade images\n" +
		"  poolctl vol-snapshot-create vm1 daily-$(date +%F) tank --in-use"
}

// Run creates a snapshot.
func (c *VolSnapshotCreate) Run(e *env) error {
	o := backend.SnapshotOptions{InUse: c.InUse}
	if c.Allocation != "" {
		size, err := format.ParseSize(c.Allocation)
		if err == nil && size == 0 {
			return &usageError{"vol-snapshot-create", "--allocation: a snapshot needs space for changes"}
		}
		if err != nil {
			return &usageError{"vol-snapshot-create", err.Error()}
		}
		o.Space = size
	}
	return c.withVolume(e, "create", func(v *driver.Volume) error {
		if err := e.driver.CreateSnapshot(e.ctx, v, c.Snapshot, o); err != nil {
			return err
		}
		e.reportSnapshot(v, c.Snapshot)
		e.Say("Snapshot %s of vol %s created", c.Snapshot, v.Name)
		return nil
	})
}
