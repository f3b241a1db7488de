package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Mkdir makes a directory with exactly this mode, whatever the umask. What a set-group-ID parent hands down stays, as with mkdir(1).
type Mkdir struct {
	Path string
	Mode fs.FileMode
}

// Shell implements Step.
func (m Mkdir) Shell() string { return fmt.Sprintf("mkdir -m %04o %s", bits(m.Mode), Quote(m.Path)) }

func (m Mkdir) apply(_ context.Context, l *Local) error {
	dir, name := l.place(m.Path)
	if err := again(func() error { return unix.Mkdirat(dir, name, 0o700) }); err != nil {
		return pathError("mkdir", m.Path, err)
	}
	f, err := openDir(dir, name, m.Path)
	if err == nil {
		defer f.Close()
		err = chmod(f, m.Mode)
	}
	if err != nil {
		_ = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	}
	return err
}

// Rmdir removes an empty directory.
type Rmdir struct{ Path string }

// Shell implements Step.
func (r Rmdir) Shell() string { return "rmdir " + Quote(r.Path) }

func (r Rmdir) apply(_ context.Context, l *Local) error {
	dir, name := l.place(r.Path)
	return pathError("rmdir", r.Path, again(func() error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) }))
}

// Unlink removes a name that is not a directory.
type Unlink struct{ Path string }

// Shell implements Step.
func (u Unlink) Shell() string { return "rm " + Quote(u.Path) }

func (u Unlink) apply(_ context.Context, l *Local) error {
	dir, name := l.place(u.Path)
	return pathError("remove", u.Path, again(func() error { return unix.Unlinkat(dir, name, 0) }))
}

// Sync writes a file's data to the disk.
type Sync struct{ Path string }

// Shell implements Step.
func (s Sync) Shell() string { return "sync " + Quote(s.Path) }

func (s Sync) apply(_ context.Context, l *Local) error {
	dir, name := l.place(s.Path)
	f, err := openAt(dir, name, s.Path, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

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

// openDir opens a directory; a symbolic link is refused. The path is for messages.
func openDir(dir int, name, path string) (*os.File, error) {
	return openAt(dir, name, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
}

func openAt(dir int, name, path string, flags int) (*os.File, error) {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// syncDir writes the names in a directory to the disk. Where the file system cannot (CIFS of old kernels), it does not matter.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}
