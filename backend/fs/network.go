package fs

import (
	iofs "io/fs"
	"path"
	"slices"
	"strings"

	"poolctl/backend/host"
	"poolctl/format/lazy"
)

// networkPart matches the part of a path in /sys that shows that a disk is a server's: an iSCSI session, or a
// device of nbd or rbd.
var networkPart = lazy.Regexp(`^(session|nbd|rbd)[0-9]+$`)

// isOnNetwork reports whether a block device, or one of those that it consists of, is the disk of a server.
func isOnNetwork(sys iofs.FS, number string) bool {
	link, err := iofs.ReadLink(sys, "dev/block/"+number)
	if err != nil {
		return false
	}
	dir := path.Join("dev/block", link)
	if slices.ContainsFunc(strings.Split(dir, "/"), networkPart().MatchString) {
		return true
	}
	parts, _ := iofs.ReadDir(sys, dir+"/slaves")
	return slices.ContainsFunc(parts, func(part iofs.DirEntry) bool {
		return isOnNetwork(sys, host.ReadSys(sys, dir, "slaves", part.Name(), "dev"))
	})
}
