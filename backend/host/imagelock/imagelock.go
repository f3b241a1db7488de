// Package imagelock takes the locks that qemu takes on image files, so that poolctl and qemu do not work on
// the same image.
//
// qemu locks single bytes of the image file (its block/file-posix.c): from byte 100 on, one for each thing
// that a process does with the image, and from byte 200 on, one for each thing that it does not let others
// do. Only the locks matter, not what the bytes contain. A lock lasts until its file is closed. File systems
// without locks ignore them.
package imagelock

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// ErrInUse reports that another process holds a lock that excludes the requested one.
var ErrInUse = errors.New("the image is in use by another process")

// The bytes that qemu locks. Each thing that a process does is an offset into both ranges.
const (
	qemuDoes    = 100
	qemuForbids = 200
	qemuEnd     = 300

	qemuReads   = 0
	qemuWrites  = 1
	qemuResizes = 3
)

// LockForWriting locks an open file against all other use.
func LockForWriting(fd int) error { return lockBytes(fd, unix.F_WRLCK, qemuDoes, qemuEnd-qemuDoes) }

// LockForReading locks an open file against processes that write to it or resize it.
func LockForReading(fd int) error {
	for _, at := range []int64{qemuDoes + qemuReads, qemuForbids + qemuWrites, qemuForbids + qemuResizes} {
		if err := lockBytes(fd, unix.F_RDLCK, at, 1); err != nil {
			return err
		}
	}
	if isLocked(fd, qemuDoes+qemuWrites) || isLocked(fd, qemuDoes+qemuResizes) {
		return ErrInUse
	}
	return nil
}

// IsWritten reports whether another process has an open file locked because it writes to it.
func IsWritten(fd int) bool { return isLocked(fd, qemuDoes+qemuWrites) }

// remote are the file systems whose leases say nothing about other machines, or whose server refuses them.
var remote = map[int64]bool{
	unix.NFS_SUPER_MAGIC: true, unix.SMB_SUPER_MAGIC: true, unix.CIFS_SUPER_MAGIC: true,
	unix.SMB2_SUPER_MAGIC: true, unix.FUSE_SUPER_MAGIC: true, unix.CEPH_SUPER_MAGIC: true,
}

// IsOpenForWriting reports whether a process has a file open for writing, also if it takes no locks. fd must
// have the file open for reading only. The kernel gives a lease for reading only if there is no such process
// (F_SETLEASE, fcntl(2)). The answer is false on file systems of servers, and on those without leases.
func IsOpenForWriting(fd int) bool {
	var on unix.Statfs_t
	if retry.Fstatfs(fd, &on) != nil || remote[on.Type] {
		return false
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return errors.Is(err, unix.EAGAIN)
}

// isLocked reports whether another process has locked a byte.
func isLocked(fd int, at int64) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: at, Len: 1}
	err := retry.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock)
	return err == nil && lock.Type != unix.F_UNLCK
}

func lockBytes(fd int, kind int16, at, length int64) error {
	lock := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: at, Len: length}
	err := retry.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return ErrInUse
	}
	return nil
}
