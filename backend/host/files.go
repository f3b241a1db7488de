package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// Mkdir makes a directory with exactly this mode, whatever the umask.
type Mkdir struct {
	Path string
	Mode fs.FileMode
}

// Shell implements Step.
func (m Mkdir) Shell() string { return fmt.Sprintf("mkdir -m %04o %s", m.Mode, Quote(m.Path)) }

func (m Mkdir) apply(context.Context, *Local) error {
	if err := os.Mkdir(m.Path, m.Mode); err != nil {
		return err
	}
	return os.Chmod(m.Path, m.Mode)
}

// Rmdir removes an empty directory.
type Rmdir struct{ Path string }

// Shell implements Step.
func (r Rmdir) Shell() string { return "rmdir " + Quote(r.Path) }

func (r Rmdir) apply(context.Context, *Local) error {
	return pathError("rmdir", r.Path, unix.Rmdir(r.Path))
}

// Unlink removes a name that is not a directory.
type Unlink struct{ Path string }

// Shell implements Step.
func (u Unlink) Shell() string { return "rm " + Quote(u.Path) }

func (u Unlink) apply(context.Context, *Local) error {
	return pathError("remove", u.Path, unix.Unlink(u.Path))
}

// RemoveTree removes a directory with all that is in it. It is for what poolctl itself is making, never for a pool's data.
type RemoveTree struct{ Path string }

// Shell implements Step.
func (r RemoveTree) Shell() string { return "rm -r " + Quote(r.Path) }

func (r RemoveTree) apply(context.Context, *Local) error { return os.RemoveAll(r.Path) }

// Sync writes a file's data to the disk.
type Sync struct{ Path string }

// Shell implements Step.
func (s Sync) Shell() string { return "sync " + Quote(s.Path) }

func (s Sync) apply(context.Context, *Local) error { return fsync(s.Path) }

// Chown changes owner and group, -1 leaves one as it is. A symbolic link is not followed.
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
	return "chown -h " + owner + " " + Quote(c.Path)
}

func (c Chown) apply(context.Context, *Local) error { return os.Lchown(c.Path, c.UID, c.GID) }

// Chmod changes the permission bits.
type Chmod struct {
	Path string
	Mode fs.FileMode
}

// Shell implements Step.
func (c Chmod) Shell() string { return fmt.Sprintf("chmod %04o %s", c.Mode, Quote(c.Path)) }

func (c Chmod) apply(context.Context, *Local) error { return os.Chmod(c.Path, c.Mode) }

// Rename gives a file or directory another name, which must not exist yet.
type Rename struct{ Old, New string }

// Shell implements Step.
func (r Rename) Shell() string { return "mv -nT " + Quote(r.Old) + " " + Quote(r.New) }

// apply uses renameat2's RENAME_NOREPLACE, and a hard link on file systems that lack it (NFS): both refuse a name that is taken.
// Where there are no hard links either (some FUSE file systems), it can but look first.
func (r Rename) apply(context.Context, *Local) error {
	err := unix.Renameat2(unix.AT_FDCWD, r.Old, unix.AT_FDCWD, r.New, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		switch err = unix.Link(r.Old, r.New); err {
		case nil:
			err = unix.Unlink(r.Old)
		case unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS:
			if _, statErr := os.Lstat(r.New); statErr == nil {
				err = unix.EEXIST
			} else {
				err = unix.Rename(r.Old, r.New)
			}
		}
	}
	if err != nil {
		return pathError("rename to", r.New, err)
	}
	return fsync(filepath.Dir(r.New))
}

// Symlink makes a symbolic link, and the directory that it stands in.
type Symlink struct{ Target, Link string }

// Shell implements Step.
func (s Symlink) Shell() string {
	return "mkdir -p " + Quote(filepath.Dir(s.Link)) + " && ln -s " + Quote(s.Target) + " " + Quote(s.Link)
}

func (s Symlink) apply(context.Context, *Local) error {
	if err := os.MkdirAll(filepath.Dir(s.Link), 0o755); err != nil {
		return err
	}
	return os.Symlink(s.Target, s.Link)
}

// WriteFile puts a file in place of an older one, in one step that a crash cannot cut in two: mode 0600, missing parents are made.
type WriteFile struct {
	Path string
	Data []byte
}

// Shell implements Step.
func (w WriteFile) Shell() string {
	return fmt.Sprintf("install -D -m 0600 /dev/stdin %s <<'EOF'\n%s\nEOF", Quote(w.Path), strings.TrimSuffix(string(w.Data), "\n"))
}

func (w WriteFile) apply(context.Context, *Local) error {
	dir := filepath.Dir(w.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := renameio.WriteFile(w.Path, w.Data, 0o600, renameio.WithTempDir(dir), renameio.IgnoreUmask()); err != nil {
		return err
	}
	return fsync(dir)
}

// fsync writes a file's data, or the names in a directory, to the disk.
func fsync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
