package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// Chown changes owner and group; -1 leaves one unchanged. It follows symbolic links as safeopen does.
type Chown struct {
	Path     string
	UID, GID int
}

// Shell implements Step.
func (c Chown) Shell() string {
	owner := ""
	if c.UID >= 0 {
		owner = fmt.Sprint(c.UID)
	}
	if c.GID >= 0 {
		owner += ":" + fmt.Sprint(c.GID)
	}
	return "chown " + shell.Quote(owner) + " " + shell.Quote(c.Path)
}

func (c Chown) apply(_ context.Context, l *Local) error {
	return l.withPinned(c.Path, func(_ *safeopen.Handle, f safeopen.FD) error {
		return safeopen.PathError("chown", c.Path, retry.Fchownat(int(f), "", c.UID, c.GID, unix.AT_EMPTY_PATH))
	})
}

// withPinned calls change with the handle of a path, and with an O_PATH descriptor of what it has inspected.
func (l *Local) withPinned(path string, change func(h *safeopen.Handle, f safeopen.FD) error) error {
	h, err := l.OpenPath(path)
	if err != nil {
		return err
	}
	defer h.Close()
	f, err := h.PinAny()
	if err != nil {
		return err
	}
	defer f.Close()
	return change(h, f)
}

// descriptorPath returns the path of an O_PATH descriptor, for system calls that do not accept one.
func descriptorPath(f safeopen.FD) string { return "/proc/self/fd/" + strconv.Itoa(int(f)) }

// Chmod changes the permission bits and the sticky bit. Like chmod(1) it keeps a directory's set-ID bits. It
// follows symbolic links as safeopen does.
type Chmod struct {
	Path string
	Mode fs.FileMode
}

// Shell implements Step.
func (c Chmod) Shell() string {
	return fmt.Sprintf("chmod %04o %s", modeBits(c.Mode), shell.Quote(c.Path))
}

func (c Chmod) apply(_ context.Context, l *Local) error {
	return l.withPinned(c.Path, func(h *safeopen.Handle, f safeopen.FD) error {
		bits := modeBits(c.Mode) | setIDBits(&h.Stat_t)
		return safeopen.PathError("chmod", c.Path, retry.Chmod(descriptorPath(f), bits)) // not fchmod(2)
	})
}

// chmod is Chmod for an open file.
func chmod(f *os.File, mode fs.FileMode) error {
	var st unix.Stat_t
	err := retry.Fstat(int(f.Fd()), &st)
	if err == nil {
		err = retry.Fchmod(int(f.Fd()), modeBits(mode)|setIDBits(&st))
	}
	return safeopen.PathError("chmod", f.Name(), err)
}

// setIDBits returns a directory's set-ID bits.
func setIDBits(st *unix.Stat_t) uint32 {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0
	}
	return st.Mode & (unix.S_ISUID | unix.S_ISGID)
}

// modeBits returns the kernel's bits for a mode.
func modeBits(mode fs.FileMode) uint32 {
	if mode&fs.ModeSticky != 0 {
		return uint32(mode.Perm()) | unix.S_ISVTX
	}
	return uint32(mode.Perm())
}
