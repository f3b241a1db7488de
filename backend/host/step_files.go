package host

import (
	"context"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// Mkdir creates a directory with exactly this mode, whatever the umask is. A set-group-ID bit from the parent
// stays, as with mkdir(1).
type Mkdir struct {
	Path string
	Mode fs.FileMode
}

// Shell implements Step.
func (m Mkdir) Shell() string {
	return fmt.Sprintf("mkdir -m %04o %s", modeBits(m.Mode), shell.Quote(m.Path))
}

func (m Mkdir) apply(_ context.Context, l *Local) error {
	at, err := l.entry(m.Path)
	if err != nil {
		return err
	}
	defer at.Close()
	if err := retry.Mkdirat(at.Dir, at.Name, 0o700); err != nil {
		return safeopen.PathError("mkdir", m.Path, err)
	}
	f, err := safeopen.OpenDirAt(at.Dir, at.Name, m.Path)
	if err == nil {
		defer f.Close()
		err = chmod(f, m.Mode)
	}
	if err != nil {
		_ = retry.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR)
	}
	return err
}

// Rmdir removes an empty directory.
type Rmdir struct{ Path string }

// Shell implements Step.
func (r Rmdir) Shell() string { return "rmdir " + shell.Quote(r.Path) }

func (r Rmdir) apply(_ context.Context, l *Local) error {
	at, err := l.entry(r.Path)
	if err != nil {
		return err
	}
	defer at.Close()
	return safeopen.PathError("rmdir", r.Path, retry.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR))
}

// Unlink removes a file that is not a directory.
type Unlink struct{ Path string }

// Shell implements Step.
func (u Unlink) Shell() string { return "rm " + shell.Quote(u.Path) }

func (u Unlink) apply(_ context.Context, l *Local) error {
	at, err := l.entry(u.Path)
	if err != nil {
		return err
	}
	defer at.Close()
	return safeopen.PathError("remove", u.Path, retry.Unlinkat(at.Dir, at.Name, 0))
}

// Sync writes a file's data to the disk.
type Sync struct{ Path string }

// Shell implements Step.
func (s Sync) Shell() string { return "sync " + shell.Quote(s.Path) }

func (s Sync) apply(_ context.Context, l *Local) error {
	h, err := l.OpenPath(s.Path)
	if err != nil {
		return err
	}
	defer h.Close()
	flags := unix.O_RDONLY
	if h.IsDir() {
		flags |= unix.O_DIRECTORY
	}
	f, err := h.OpenFlags(flags)
	if err != nil {
		return err
	}
	defer f.Close()
	return safeopen.PathError("sync", s.Path, retry.Fsync(int(f)))
}

// syncDir writes the names in a directory to the disk.
func syncDir(path string) error { return safeopen.SyncDirAt(unix.AT_FDCWD, path, path) }
