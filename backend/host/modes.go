package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Chown changes owner and group, -1 leaves one as it is. A symbolic link is followed.
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
	return "chown " + Quote(owner) + " " + Quote(c.Path)
}

func (c Chown) apply(_ context.Context, l *Local) error {
	dir, name := l.place(c.Path)
	return pathError("chown", c.Path, again(func() error { return unix.Fchownat(dir, name, c.UID, c.GID, 0) }))
}

// Chmod changes the permission bits and the sticky bit. Like chmod(1) it leaves a directory's set-ID bits alone, and follows a
// symbolic link.
type Chmod struct {
	Path string
	Mode fs.FileMode
}

// Shell implements Step.
func (c Chmod) Shell() string { return fmt.Sprintf("chmod %04o %s", bits(c.Mode), Quote(c.Path)) }

func (c Chmod) apply(_ context.Context, l *Local) error {
	dir, name := l.place(c.Path)
	var st unix.Stat_t
	err := again(func() error { return unix.Fstatat(dir, name, &st, 0) })
	if err == nil {
		err = again(func() error { return unix.Fchmodat(dir, name, bits(c.Mode)|setID(&st), 0) })
	}
	return pathError("chmod", c.Path, err)
}

// chmod is Chmod for what is open.
func chmod(f *os.File, mode fs.FileMode) error {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	if err == nil {
		err = again(func() error { return unix.Fchmod(int(f.Fd()), bits(mode)|setID(&st)) })
	}
	return pathError("chmod", f.Name(), err)
}

// setID returns a directory's set-ID bits.
func setID(st *unix.Stat_t) uint32 {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0
	}
	return st.Mode & (unix.S_ISUID | unix.S_ISGID)
}

// bits returns the mode as the kernel counts it.
func bits(mode fs.FileMode) uint32 {
	if mode&fs.ModeSticky != 0 {
		return uint32(mode.Perm()) | unix.S_ISVTX
	}
	return uint32(mode.Perm())
}
