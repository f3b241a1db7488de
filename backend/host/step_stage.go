package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// A Stage is a new directory in which one process makes something before it moves it to its place. A locked file of the same
// name in it tells others that it is in use, so that one which a killed process left is known from one that is still needed.
//
// The place where things are made may belong to somebody who is not to be trusted, and who may put another directory, or a
// link to one, at Path. So from the step on until Release, whatever steps do to names directly in Path, and commands that run
// in Path, are in the very directory that was made.
//
// A path that is taken is an error that wraps fs.ErrExist.
type Stage struct {
	Path string

	local     *Local // nil: it is not in use
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

// lockAndRegister locks a stage that was just made, and makes it a place. If it cannot, it removes it.
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

// enterStage makes a stage a place, which is known by its path as long as it is in use.
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

// Release lets others have the stage, or what is left of it, however it has ended.
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

// Inode returns what has a name in a stage that is in use.
func (s *Stage) Inode(name string) Inode {
	if s.local == nil {
		return Inode{}
	}
	return s.open.Inode(name)
}

// Unstage removes a stage and all that is still in it. If it is not in use, there is nothing to do.
type Unstage struct{ Stage *Stage }

// Shell implements Step.
func (u Unstage) Shell() string { return "rm -rf " + Quote(u.Stage.Path) }

func (u Unstage) apply(_ context.Context, l *Local) error {
	if u.Stage.local != l {
		return nil
	}
	defer u.Stage.Release()
	return removeStage(u.Stage.at, u.Stage.dir, u.Stage.lock)
}

// Sweep removes a stage or a draft that a killed process left. One in which a living process works is an error that wraps fs.ErrExist; a
// directory in which there is something else than a stage holds is refused.
type Sweep struct{ Path string }

// Shell implements Step.
func (s Sweep) Shell() string { return "rm -rf " + Quote(s.Path) }

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
	if os.IsNotExist(err) { // killed before there was a lock, or some directory of that name: only if it is empty
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
