package fs

import (
	"fmt"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
)

// TestIsOnNetwork checks which devices are disks of servers, in a tree like /sys. The paths of NVMe over
// Fabrics, nbd, DRBD and ATA over Ethernet are those of Linux 7.2; no machine with FCoE or rbd was available.
func TestIsOnNetwork(t *testing.T) {
	s := backendtest.NewSysTree(t)
	s.Link("devices/virtual/nvme-subsystem/nvme-subsys0/nvme0", "devices/pci0000:00/0000:00:04.0/nvme/nvme0")
	s.Link("devices/virtual/nvme-subsystem/nvme-subsys1/nvme2", "devices/virtual/nvme-fabrics/ctl/nvme2")
	for i, dev := range []struct {
		dir    string
		slaves []string
		want   bool
	}{
		{"pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sda", nil, false},
		{"pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1", nil, false},
		{"platform/host3/session1/target3:0:0/3:0:0:1/block/sdb", nil, true},
		{"platform/host3/session1/target3:0:0/3:0:0:1/block/sdb/sdb1", nil, true},
		{"virtual/block/nbd0", nil, true},
		{"virtual/block/nbd0/nbd0p1", nil, true},
		{"rbd/0/block/rbd0", nil, true},
		{"virtual/block/drbd1", nil, true},
		{"virtual/block/etherd!e0.1", nil, true},
		{"pci0000:00/0000:00:05.0/net/eth0/ctlr_0/host5/rport-5:0-1/target5:0:0/5:0:0:0/block/sdc", nil, true},
		{"pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1", nil, false},
		{"virtual/nvme-fabrics/ctl/nvme1/nvme1n1/nvme1n1p1", nil, true},
		{"virtual/nvme-subsystem/nvme-subsys0/nvme0n2", nil, false},
		{"virtual/nvme-subsystem/nvme-subsys1/nvme2n1", nil, true},
		{"virtual/nvme-subsystem/nvme-subsys1/nvme2n1/nvme2n1p1", nil, true},
		{"virtual/block/md0", []string{"virtual/block/nbd0"}, true},
		{"virtual/block/md0/md0p1", nil, true},
		{"virtual/block/dm-0", []string{"pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sda"}, false},
		{"virtual/block/dm-1", []string{"virtual/block/dm-0", "virtual/block/nbd0/nbd0p1"}, true},
		{"virtual/block/dm-2", []string{"virtual/block/dm-1"}, true},
		{"virtual/block/dm-3", nil, false},
	} {
		dir, number := "devices/"+dev.dir, fmt.Sprintf("8:%d", i)
		s.Write(dir, map[string]string{"dev": number + "\n"})
		s.Link("dev/block/"+number, dir)
		for j, slave := range dev.slaves {
			s.Link(fmt.Sprintf("%s/slaves/%d", dir, j), "devices/"+slave)
		}
		if got := isOnNetwork((&host.Local{Root: s.Root}).Sys(), number); got != dev.want {
			t.Errorf("%s: %t", dev.dir, got)
		}
	}
	if isOnNetwork((&host.Local{Root: s.Root}).Sys(), "9:9") {
		t.Error("a device that does not exist is on the network")
	}
}
