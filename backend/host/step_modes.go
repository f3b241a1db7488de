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
	h, err := l.OpenPath(c.Path)
	if err != nil {
		return err
	}
	defer h.Close()
	f, err := h.PinAny()
	if err != nil {
		return err
	}
	defer f.Close()
	return safeopen.PathError("chown", c.Path, retry.Fchownat(int(f), "", c.UID, c.GID, unix.AT_EMPTY_PATH))
}

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
	h, err := l.OpenPath(c.Path)
	if err != nil {
		return err
	}
	defer h.Close()
	f, err := h.PinAny()
	if err != nil {
		return err
	}
	defer f.Close()
	path := "/proc/self/fd/" + strconv.Itoa(int(f)) // fchmod(2) does not accept O_PATH descriptors
	return safeopen.PathError("chmod", c.Path, retry.Chmod(path, modeBits(c.Mode)|setIDBits(&h.Stat_t)))
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
