package host

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// LockDevice locks a disk and its partition table against other poolctl processes, and against udev. Reading
// the table again, udev would remove partitions that are not in use. sys is the disk's directory in /sys; an
// exclusive lock on it excludes poolctl. A lock on the device excludes udev
// (https://systemd.io/BLOCK_DEVICE_LOCKING); it is shared, so that udev continues with its rules, for which
// parted(8) waits. LockDevice waits until ctx ends. The locks change nothing and end with the process.
func LockDevice(ctx context.Context, path, sys string) (unlock func(), err error) {
	for {
		unlock, err = TryLockDevice(path, sys)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return unlock, err
		}
		if err := Sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// TryLockDevice is LockDevice without waiting. If another process has the lock, the error wraps
// unix.EWOULDBLOCK.
func TryLockDevice(path, sys string) (unlock func(), err error) {
	dir, err := lockAt(sys, unix.O_DIRECTORY, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	disk, err := lockAt(path, unix.O_NONBLOCK, unix.LOCK_SH)
	if err != nil {
		dir.Close()
		return nil, err
	}
	return func() { disk.Close(); dir.Close() }, nil
}

func lockAt(path string, flags, how int) (*os.File, error) {
	fd, err := retry.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, safeopen.PathError("open", path, err)
	}
	if err := retry.Flock(fd, how|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return nil, safeopen.PathError("lock", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}
