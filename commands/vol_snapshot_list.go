package commands

import (
	"fmt"
)

// VolSnapshotList is the verb vol-snapshot-list.
type VolSnapshotList struct {
	volumeArgs
	output
}

// Help implements kong.HelpProvider.
func (*VolSnapshotList) Help() string {
	return "Lists the snapshots of a volume, oldest first. The allocation is the space that deleting the " +
		"snapshot would free, where the storage knows it (logical, zfs, sheepdog). vol-list --snapshots lists " +
		"those of all volumes of a pool.\n\n" +
		"  poolctl vol-snapshot-list disk.qcow2 images\n" +
		"  poolctl vol-snapshot-list vm1 tank -o json | jq -r '.snapshots[-1].name'"
}

// Run lists the snapshots of a volume.
func (c *VolSnapshotList) Run(e *env) error {
	if err := c.checkSnapshotStyle(); err != nil {
		return err
	}
	v, err := e.driver.FindVolume(e.ctx, c.Vol, c.Pool)
	if err != nil {
		return err
	}
	defer v.Unlock()
	all, err := e.driver.Snapshots(e.ctx, v.Backend, v.Pool(), v.Name)
	if err != nil {
		return fmt.Errorf("list snapshots of volume %q: %w", v.Name, err)
	}
	return e.printSnapshots(&c.output, all, false)
}
