package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/fault"
)

// A Progress is told how far something has come: how many bytes are done of how many, or of 0 if that is not known. It may be nil.
type Progress func(done, total uint64)

func (p Progress) tell(done, total int64) {
	if p != nil {
		p(uint64(done), uint64(total))
	}
}

// An InUseError tells that another process works with a file or device.
type InUseError struct {
	Path    string
	Reading bool // it was only to be read: InUse of a Source allows that
}

func (e *InUseError) Error() string { return fmt.Sprintf("%q is in use by another process", e.Path) }

// Kind implements [fault.Error].
func (*InUseError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *InUseError) HintLine() string {
	var hints []string
	if e.Reading {
		hints = append(hints, "--in-use copies it while it changes")
	}
	if _, err := os.Lstat(e.Path); err == nil { // fuser inspects only this machine
		hints = append(hints, "fuser -v "+Quote(e.Path)+" tells who uses it")
	}
	return strings.Join(hints, "; ")
}

// An access is what a file's data are opened for.
type access int

const (
	reading    access = iota // nobody may write to it meanwhile
	readingAny               // whoever may be writing to it
	writing                  // nobody else may use it at all
)

// openData opens a file or block device for its data, and keeps others from using it in ways that exclude ours until it is
// closed: poolctl's own processes and qemu's, and whatever has a device mounted or part of another. Links are followed as by chase.
func (l *Local) openData(path string, a access) (*os.File, error) {
	h, err := l.OpenPath(path)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return h.data(a)
}

// data opens what is held for its data, as openData does.
func (h *Handle) data(a access) (*os.File, error) {
	if !h.HasData() {
		return nil, fmt.Errorf("%q is not a file or block device", h.Path)
	}
	flags := unix.O_RDONLY
	if a == writing {
		flags = unix.O_RDWR
		if h.IsBlock() {
			flags |= unix.O_EXCL // open(2): EBUSY if it is mounted or the like
		}
	}
	fd, err := h.open(flags)
	if err != nil {
		if errors.Is(err, unix.EBUSY) {
			return nil, &InUseError{Path: h.Path}
		}
		return nil, err
	}
	lock := func() error { return lockData(int(fd), h.Path, a) }
	if err := errors.Join(unix.SetNonblock(int(fd), false), patiently(int(fd), lock)); err != nil {
		fd.Close()
		return nil, err
	}
	return os.NewFile(uintptr(fd), h.Path), nil
}

// The bytes of an image file that qemu locks, as its block/file-posix.c has them: from 100 on one for each thing that a process
// does with the image, from 200 on one for each that it does not let others do. Only the locks count, not what is there.
const (
	qemuDoes    = 100
	qemuForbids = 200
	qemuEnd     = 300

	qemuReads   = 0
	qemuWrites  = 1
	qemuResizes = 3
)

// patiently tries to lock an open file until it is not in use any more, for a second where a program serves its file
// system: that gives back the locks of who has closed a file, or was killed, a moment later.
func patiently(fd int, try func() error) error {
	err := try()
	for left := 20; left > 0 && isInUse(err) && onFUSE(fmt.Sprintf("/proc/self/fd/%d", fd)); left-- {
		time.Sleep(50 * time.Millisecond)
		err = try()
	}
	return err
}

func isInUse(err error) bool { return errors.As(err, new(*InUseError)) || errors.Is(err, fs.ErrExist) }

// lockData takes the locks that qemu would. File systems without locks have none.
func lockData(fd int, path string, a access) error {
	switch a {
	case writing:
		return lockBytes(fd, path, unix.F_WRLCK, qemuDoes, qemuEnd-qemuDoes)
	case reading:
		for _, at := range []int64{qemuDoes + qemuReads, qemuForbids + qemuWrites, qemuForbids + qemuResizes} {
			if err := lockBytes(fd, path, unix.F_RDLCK, at, 1); err != nil {
				return err
			}
		}
		for _, at := range []int64{qemuDoes + qemuWrites, qemuDoes + qemuResizes} {
			lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: at, Len: 1}
			if err := retry.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock); err == nil && lock.Type != unix.F_UNLCK {
				return &InUseError{path, true}
			}
		}
	}
	return nil
}

func lockBytes(fd int, path string, kind int16, at, length int64) error {
	lock := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: at, Len: length}
	err := retry.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return &InUseError{path, kind == unix.F_RDLCK}
	}
	return nil
}

// dataSize returns where a file or block device ends. It does not go there: others may read or write on where a file stands.
func dataSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Mode().IsRegular() {
		return info.Size(), nil
	}
	var size uint64
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKGETSIZE64, uintptr(unsafe.Pointer(&size))); errno != 0 {
		return 0, pathError("BLKGETSIZE64", f.Name(), errno)
	}
	return int64(size), nil
}

// writeAt writes all of a buffer, and returns how much was written. (os.File's own WriteAt does not know when it fails.)
func writeAt(f *os.File, b []byte, at int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retry.Pwrite(int(f.Fd()), b[done:], at+int64(done))
		if err != nil {
			return done, pathError("write", f.Name(), err)
		}
		done += n
	}
	return done, nil
}

// notEOF returns an error that is not the end of a file.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
