package host

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/imagelock"
	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// A Hold keeps a file or block device open and locked against qemu and poolctl processes that would write to
// it. Other processes ignore the locks: Check detects what they have done to a file.
type Hold struct {
	file *os.File
	was  unix.Stat_t
}

// NewHold holds what a handle has inspected. If it is in use, or if a process has the file open for writing,
// the error is an InUseError.
func NewHold(h *safeopen.Handle) (*Hold, error) {
	f, err := openHandleData(h, reading)
	if busy, ok := errors.AsType[*InUseError](err); ok {
		busy.Reading = false // Source.InUse does not allow to hold it
	}
	if err != nil {
		return nil, err
	}
	if h.IsFile() && imagelock.IsOpenForWriting(int(f.Fd())) {
		f.Close()
		return nil, &InUseError{Path: h.Path}
	}
	held := &Hold{file: f}
	if held.was, err = held.stat(); err != nil {
		f.Close()
		return nil, err
	}
	return held, nil
}

// checkUnwritten returns an InUseError unless a file or device could be held.
func (l *Local) checkUnwritten(path string) error {
	h, err := l.OpenPath(path)
	if err != nil {
		return err
	}
	defer h.Close()
	held, err := NewHold(h)
	if err == nil {
		held.Release()
	}
	if err == nil && h.IsBlock() {
		err = CheckDevicesUnwritten(l, path)
	}
	return err
}

// CheckDevicesUnwritten returns an InUseError if a process has one of the block devices open for writing. The
// kernel, which knows that of files, does not tell it of devices.
func CheckDevicesUnwritten(h Files, devices ...string) error {
	users, err := h.FileUsers()
	if err != nil {
		return err
	}
	for _, path := range devices {
		id, _ := FileIDOf(path)
		if slices.ContainsFunc(users.Processes[id], func(p Process) bool { return p.Writes }) {
			return &InUseError{Path: path}
		}
	}
	return nil
}

func (h *Hold) stat() (st unix.Stat_t, err error) {
	err = safeopen.PathError("stat", h.file.Name(), retry.Fstat(int(h.file.Fd()), &st))
	return st, err
}

// Check returns an error if a file has changed since NewHold, or is not what path leads to.
func (h *Hold) Check(path string) error { return h.checkAt(unix.AT_FDCWD, path, 0, path) }

// checkAt is Check for a name in an open directory. flags are those of fstatat(2), path is for messages.
func (h *Hold) checkAt(dir int, name string, flags int, path string) error {
	now, err := h.stat()
	if err != nil {
		return err
	}
	var at unix.Stat_t
	if err := retry.Fstatat(dir, name, &at, flags); err != nil {
		return safeopen.PathError("stat", path, err)
	}
	if now.Mtim != h.was.Mtim || now.Size != h.was.Size || at.Dev != now.Dev || at.Ino != now.Ino {
		return fmt.Errorf("%q changed meanwhile", path)
	}
	return nil
}

// NoCOW reports whether a file has no copy-on-write (FS_NOCOW_FL, ioctl_iflags(2)).
func (h *Hold) NoCOW() bool {
	flags, err := unix.IoctlGetUint32(int(h.file.Fd()), unix.FS_IOC_GETFLAGS)
	return err == nil && flags&noCOW != 0
}

// Release closes the file or device. It may be called more than once.
func (h *Hold) Release() { h.file.Close() }
