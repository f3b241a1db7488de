package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// Mkdir makes a directory with exactly this mode, whatever the umask. What a set-group-ID parent hands down stays, as with mkdir(1).
type Mkdir struct {
	Path string
	Mode fs.FileMode
}

// Shell implements Step.
func (m Mkdir) Shell() string { return fmt.Sprintf("mkdir -m %04o %s", bits(m.Mode), Quote(m.Path)) }

func (m Mkdir) apply(_ context.Context, l *Local) error {
	at, err := l.entry(m.Path)
	if err != nil {
		return err
	}
	defer at.leave()
	if err := retry.Mkdirat(at.dir, at.name, 0o700); err != nil {
		return pathError("mkdir", m.Path, err)
	}
	f, err := openDir(at.dir, at.name, m.Path)
	if err == nil {
		defer f.Close()
		err = chmod(f, m.Mode)
	}
	if err != nil {
		_ = retry.Unlinkat(at.dir, at.name, unix.AT_REMOVEDIR)
	}
	return err
}

// Rmdir removes an empty directory.
type Rmdir struct{ Path string }

// Shell implements Step.
func (r Rmdir) Shell() string { return "rmdir " + Quote(r.Path) }

func (r Rmdir) apply(_ context.Context, l *Local) error {
	at, err := l.entry(r.Path)
	if err != nil {
		return err
	}
	defer at.leave()
	return pathError("rmdir", r.Path, retry.Unlinkat(at.dir, at.name, unix.AT_REMOVEDIR))
}

// Unlink removes a name that is not a directory.
type Unlink struct{ Path string }

// Shell implements Step.
func (u Unlink) Shell() string { return "rm " + Quote(u.Path) }

func (u Unlink) apply(_ context.Context, l *Local) error {
	at, err := l.entry(u.Path)
	if err != nil {
		return err
	}
	defer at.leave()
	return pathError("remove", u.Path, retry.Unlinkat(at.dir, at.name, 0))
}

// Sync writes a file's data to the disk.
type Sync struct{ Path string }

// Shell implements Step.
func (s Sync) Shell() string { return "sync " + Quote(s.Path) }

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
	f, err := h.open(flags)
	if err != nil {
		return err
	}
	defer f.Close()
	return pathError("sync", s.Path, retry.Fsync(int(f)))
}

// openDir opens a directory; a symbolic link is refused. The path is for messages.
func openDir(dir int, name, path string) (*os.File, error) {
	return openAt(dir, name, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
}

func openAt(dir int, name, path string, flags int) (*os.File, error) {
	var fd int
	fd, err := retry.Openat(dir, name, flags|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.ESTALE) { // of a server: it was there, and is gone
		err = unix.ENOENT
	}
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// syncDir writes the names in a directory to the disk. Where the file system cannot (CIFS of old kernels), it does not matter.
func syncDir(path string) error { return dirEntry{dir: unix.AT_FDCWD}.syncAt(path, path) }
