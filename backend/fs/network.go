package fs

import (
	iofs "io/fs"
	"path"
	"slices"
	"strings"

	"poolctl/backend/host"
	"poolctl/format/lazy"
)

// networkPart matches the part of a path in /sys that shows that a disk is a server's: an iSCSI session, a
// controller of FCoE (Documentation/ABI/testing/sysfs-bus-fcoe) or of NVMe over Fabrics, or a device of nbd,
// rbd, ATA over Ethernet or DRBD.
var networkPart = lazy.Regexp(`^(session[0-9]+|ctlr_[0-9]+|nvme-fabrics|(nbd|rbd|drbd)[0-9]+|etherd!.*)$`)

// isOnNetwork reports whether a block device, or one of those that it consists of, is the disk of a server.
func isOnNetwork(sys iofs.FS, number string) bool {
	link, err := iofs.ReadLink(sys, "dev/block/"+number)
	if err != nil {
		return false
	}
	dir := path.Join("dev/block", link)
	if hasNetworkPart(dir) || isByFabric(sys, dir) {
		return true
	}
	return slices.ContainsFunc([]string{dir, path.Dir(dir)}, func(disk string) bool { // dir may be a partition
		parts, _ := iofs.ReadDir(sys, disk+"/slaves")
		return slices.ContainsFunc(parts, func(part iofs.DirEntry) bool {
			return isOnNetwork(sys, host.ReadSys(sys, disk, "slaves", part.Name(), "dev"))
		})
	})
}

func hasNetworkPart(dir string) bool {
	return slices.ContainsFunc(strings.Split(dir, "/"), networkPart().MatchString)
}

// isByFabric reports whether a disk of an NVMe subsystem has a controller on a fabric. The kernel puts a disk
// that may have several controllers below the subsystem, which has links to them
// (Documentation/admin-guide/nvme-multipath.rst).
func isByFabric(sys iofs.FS, dir string) bool {
	parts := strings.Split(dir, "/")
	i := slices.Index(parts, "nvme-subsystem")
	if i < 0 || i+2 > len(parts) {
		return false
	}
	subsystem := path.Join(parts[:i+2]...)
	entries, _ := iofs.ReadDir(sys, subsystem)
	return slices.ContainsFunc(entries, func(entry iofs.DirEntry) bool {
		link, err := iofs.ReadLink(sys, path.Join(subsystem, entry.Name()))
		return err == nil && hasNetworkPart(link)
	})
}
