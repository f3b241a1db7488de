package host

import (
	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// A FileID identifies a file, directory or block device, whatever its path is. The zero value identifies
// nothing. Block devices are identified by their number: several nodes may lead to one device.
type FileID struct {
	Device, Number uint64
	IsBlock        bool
}

// FileIDOf returns the identity of what a path leads to, and the number of its hard links. It follows
// symbolic links. If nothing is there, or neither a file nor a directory nor a block device, the identity is
// the zero value.
//
// FileIDOf opens nothing, and asks no server for attributes that the kernel has (AT_STATX_DONT_SYNC,
// statx(2)). Only the lookup of a path that the kernel does not know yet may wait for a server.
func FileIDOf(path string) (id FileID, links uint32) {
	id = fileID(unix.AT_FDCWD, path, &links)
	return id, links
}

func fileID(dir int, path string, links *uint32) FileID {
	const flags = unix.AT_STATX_DONT_SYNC | unix.AT_NO_AUTOMOUNT
	var st unix.Statx_t
	if retry.Statx(dir, path, flags, unix.STATX_TYPE|unix.STATX_INO|unix.STATX_NLINK, &st) != nil {
		return FileID{}
	}
	if links != nil {
		*links = st.Nlink
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return FileID{Device: unix.Mkdev(st.Rdev_major, st.Rdev_minor), IsBlock: true}
	case unix.S_IFREG, unix.S_IFDIR:
		return FileID{Device: unix.Mkdev(st.Dev_major, st.Dev_minor), Number: st.Ino}
	}
	return FileID{}
}
