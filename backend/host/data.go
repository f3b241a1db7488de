package host

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/fault"
	"poolctl/backend/host/imagelock"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// An InUseError reports that another process uses a file or device.
type InUseError struct {
	Path    string
	Reading bool   // the file was opened for reading only: Source.InUse allows that
	Loop    string // the loop device that holds it; empty if a process does
}

func (e *InUseError) Error() string {
	if e.Loop != "" {
		return fmt.Sprintf("%q is in use: held by %s", e.Path, e.Loop)
	}
	return fmt.Sprintf("%q is in use by another process", e.Path)
}

// Kind implements [fault.Error].
func (*InUseError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *InUseError) HintLine() string {
	if e.Loop != "" {
		return "losetup -l /dev/" + e.Loop + " shows it"
	}
	var hints []string
	if e.Reading {
		hints = append(hints, "--in-use copies it while it is in use")
	}
	if _, err := os.Lstat(e.Path); err == nil { // fuser inspects only this machine
		hints = append(hints, "fuser -v "+shell.Quote(e.Path)+" shows who uses it")
	}
	return strings.Join(hints, "; ")
}

// An access says what a file is opened for, and so what other processes may do at the same time.
type access int

const (
	reading    access = iota // others may read
	readingAny               // others may read and write
	writing                  // others may do nothing
)

// openData opens a file or block device, and locks it until it is closed against use by poolctl and qemu that
// excludes a. Opening a device for writing fails if the device, or a part of it, is mounted or otherwise held
// by the kernel, and opening either fails if a loop device is on it, which takes no locks. Symbolic links are
// followed as by safeopen.
func (l *Local) openData(path string, a access) (*os.File, error) {
	h, err := l.OpenPath(path)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	f, err := openHandleData(h, a)
	if err != nil || a != writing {
		return f, err
	}
	if err := l.checkNoLoop(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// checkNoLoop returns an InUseError if a loop device is on an open file or block device.
func (l *Local) checkNoLoop(f *os.File) error {
	id, _ := FileIDOf(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	found := &FileUsers{Kernel: map[FileID][]string{}, Loops: map[string]FileID{}}
	l.addLoops(found)
	for _, name := range slices.Sorted(maps.Keys(found.Loops)) {
		if found.Loops[name] == id {
			return &InUseError{Path: f.Name(), Loop: name}
		}
	}
	return nil
}

// OpenToFill opens a new file, or a device, that no other process uses, for writing. If it does not exist,
// because this is a dry run, the file is nil.
func OpenToFill(h Host, path string) (*os.File, error) {
	handle, err := h.OpenPath(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	return openHandleData(handle, writing)
}

// openHandleData is openData for a handle.
func openHandleData(h *safeopen.Handle, a access) (*os.File, error) {
	if !h.HasData() {
		return nil, fmt.Errorf("%q is not a file or block device", h.Path)
	}
	flags := unix.O_RDONLY
	if a == writing {
		flags = unix.O_RDWR
		if h.IsBlock() {
			flags |= unix.O_EXCL // open(2): EBUSY if the device is mounted or otherwise in use
		}
	}
	fd, err := h.OpenFlags(flags)
	if err != nil {
		if errors.Is(err, unix.EBUSY) {
			return nil, &InUseError{Path: h.Path}
		}
		return nil, err
	}
	lock := func() error { return lockData(int(fd), h.Path, a) }
	if err := errors.Join(unix.SetNonblock(int(fd), false), lockPatiently(int(fd), lock)); err != nil {
		fd.Close()
		return nil, err
	}
	return os.NewFile(uintptr(fd), h.Path), nil
}

// lockPatiently calls try until it returns no error that means "in use". On FUSE file systems it tries for a
// second, because they release the locks of a closed file, or of a killed process, a moment late. Elsewhere
// it tries once.
func lockPatiently(fd int, try func() error) error {
	err := try()
	for left := 20; left > 0 && isInUse(err) && sparse.OnFUSE(fmt.Sprintf("/proc/self/fd/%d", fd)); left-- {
		time.Sleep(50 * time.Millisecond)
		err = try()
	}
	return err
}

func isInUse(err error) bool { return errors.As(err, new(*InUseError)) || errors.Is(err, fs.ErrExist) }

// lockData takes the locks on an image that qemu would take for a.
func lockData(fd int, path string, a access) error {
	var err error
	switch a {
	case writing:
		err = imagelock.LockForWriting(fd)
	case reading:
		err = imagelock.LockForReading(fd)
	}
	if err != nil {
		return &InUseError{Path: path, Reading: a == reading}
	}
	return nil
}
