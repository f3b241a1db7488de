package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/shell"
)

// A Stage creates a staging directory, in which one process creates an object before it moves the object to
// its name. A locked file with the directory's name inside it marks the directory as in use, which
// distinguishes it from a leftover of a killed process.
//
// The parent directory may belong to an untrusted user, who may put another directory or a link at Path. So
// from apply until Release, steps that use a name in Path, and commands that run in Path, use the directory
// that was created.
//
// If Path exists, the error wraps fs.ErrExist.
type Stage struct {
	Path string

	local     *Local // nil if the directory is not in use
	at        safeopen.Entry
	dir, lock *os.File
	open      *Dir
}

// Shell implements Step.
func (s *Stage) Shell() string { return Mkdir{s.Path, 0o700}.Shell() }

func (s *Stage) apply(_ context.Context, l *Local) (err error) {
	if s.at, err = l.entry(s.Path); err != nil {
		return err
	}
	if err = retry.Mkdirat(s.at.Dir, s.at.Name, 0o700); err == nil {
		if s.dir, err = safeopen.OpenDirAt(s.at.Dir, s.at.Name, s.Path); err == nil {
			err = s.lockAndRegister(l)
		}
		err = mapErrSwept(s.Path, err)
	}
	if err != nil {
		s.at.Close()
	}
	return safeopen.PathError("mkdir", s.Path, err)
}

// lockAndRegister locks a new staging directory and makes it known to the steps. If that fails, it removes
// the directory.
func (s *Stage) lockAndRegister(l *Local) error {
	err := chmod(s.dir, 0o700)
	if err == nil {
		s.lock, err = lockNewStage(s.dir, s.Path)
	}
	if err == nil {
		if s.open, err = l.enterStage(s); err == nil {
			s.local = l
			return nil
		}
		s.lock.Close()
	}
	s.dir.Close()
	_ = retry.Unlinkat(s.at.Dir, s.at.Name, unix.AT_REMOVEDIR)
	return err
}

// enterStage makes a staging directory known to the steps by its path.
func (l *Local) enterStage(s *Stage) (*Dir, error) {
	fd, err := retry.Openat(int(s.dir.Fd()), ".", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, safeopen.PathError("open", s.Path, err)
	}
	p := &Dir{Path: s.Path, local: l, fd: fd, refs: 1}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dirs == nil {
		l.dirs = map[string]*Dir{}
	}
	l.dirs[filepath.Clean(s.Path)] = p
	return p, nil
}

// Release closes and unlocks the directory, or what is left of it. Other processes may then remove it.
func (s *Stage) Release() {
	if s.local == nil {
		return
	}
	s.open.Close()
	s.lock.Close()
	s.dir.Close()
	s.at.Close()
	s.local = nil
}

// Inode returns the inode of a name in the directory, which must be in use.
func (s *Stage) Inode(name string) Inode {
	if s.local == nil {
		return Inode{}
	}
	return s.open.Inode(name)
}

// Unstage removes a staging directory with everything in it. It does nothing if the directory is not in use.
type Unstage struct{ Stage *Stage }

// Shell implements Step.
func (u Unstage) Shell() string { return "rm -rf " + shell.Quote(u.Stage.Path) }

func (u Unstage) apply(_ context.Context, l *Local) error {
	if u.Stage.local != l {
		return nil
	}
	defer u.Stage.Release()
	return removeStage(u.Stage.at, u.Stage.dir, u.Stage.lock)
}

// Sweep removes a staging directory or a pending file that a killed process left. If a process is using it,
// the error wraps fs.ErrExist. Sweep refuses a directory that contains anything a staging directory does not
// contain.
type Sweep struct{ Path string }

// Shell implements Step.
func (s Sweep) Shell() string { return "rm -rf " + shell.Quote(s.Path) }

func (s Sweep) apply(ctx context.Context, l *Local) error {
	at, err := l.entry(s.Path)
	if err != nil {
		return err
	}
	defer at.Close()
	dir, err := safeopen.OpenDirAt(at.Dir, at.Name, s.Path)
	if errors.Is(err, unix.ENOTDIR) {
		return removeStaleFile(at, s.Path)
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	lock, err := safeopen.OpenAt(int(dir.Fd()), at.Name, s.Path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if os.IsNotExist(err) { // no lock yet, or no staging directory: only if it is empty
		return Rmdir(s).apply(ctx, l)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lockFile(lock); err != nil {
		return err
	}
	return removeStage(at, dir, lock)
}
