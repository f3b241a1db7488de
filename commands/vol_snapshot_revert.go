package commands

import (
	"poolctl/backend"
	"poolctl/backend/driver"
)

// VolSnapshotRevert is the verb vol-snapshot-revert.
type VolSnapshotRevert struct {
	snapshotArgs
	DestroyLater bool `help:"Also destroy the snapshots that are newer, if the storage cannot keep them (zfs)."`
	changing
}

// Help implements kong.HelpProvider.
func (*VolSnapshotRevert) Help() string {
	return "All data written to the volume since the snapshot is lost: create another snapshot first to keep " +
		"it. The snapshot stays, and the volume gets its size. The volume must not be in use, and no image may " +
		"be based on it.\n\n" +
		"  poolctl vol-snapshot-revert disk.qcow2 before-upgrade images"
}

// Run gives a volume the state of a snapshot.
func (c *VolSnapshotRevert) Run(e *env) error {
	return c.withVolume(e, "revert to", func(v *driver.Volume) error {
		s, err := e.driver.FindSnapshot(e.ctx, v, c.Snapshot)
		if err != nil {
			return err
		}
		progress, done := e.Progress()
		defer done()
		o := backend.RevertOptions{DestroyLater: c.DestroyLater, Progress: progress}
		if err := e.driver.RevertToSnapshot(e.ctx, v, c.Snapshot, o); err != nil {
			return err
		}
		if e.changes != nil {
			e.changes.snapshots = append(e.changes.snapshots, s)
		}
		e.Say("Vol %s reverted to snapshot %s", v.Name, c.Snapshot)
		return nil
	})
}
