package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
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

	on        *Local // nil: it is not in use
	dir, lock *os.File
}

// Shell implements Step.
func (s *Stage) Shell() string { return Mkdir{s.Path, 0o700}.Shell() }

func (s *Stage) apply(_ context.Context, l *Local) error {
	if err := again(func() error { return unix.Mkdir(s.Path, 0o700) }); err != nil {
		return pathError("mkdir", s.Path, err)
	}
	dir, err := openDir(unix.AT_FDCWD, s.Path, s.Path)
	if err != nil {
		return gone(s.Path, err)
	}
	var lock *os.File
	if err = chmod(dir, 0o700); err == nil {
		lock, err = lockNew(dir, s.Path)
	}
	if err != nil {
		dir.Close()
		_ = unix.Rmdir(s.Path)
		return gone(s.Path, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stages == nil {
		l.stages = map[string]*Stage{}
	}
	s.on, s.dir, s.lock = l, dir, lock
	l.stages[s.Path] = s
	return nil
}

// Release lets others have the stage, or what is left of it, however it has ended.
func (s *Stage) Release() {
	if s.on == nil {
		return
	}
	s.on.mu.Lock()
	defer s.on.mu.Unlock()
	delete(s.on.stages, s.Path)
	s.lock.Close()
	s.dir.Close()
	s.on = nil
}

// Unstage removes a stage and all that is still in it. If it is not in use, there is nothing to do.
type Unstage struct{ Stage *Stage }

// Shell implements Step.
func (u Unstage) Shell() string { return "rm -rf " + Quote(u.Stage.Path) }

func (u Unstage) apply(_ context.Context, l *Local) error {
	if u.Stage.on != l {
		return nil
	}
	defer u.Stage.Release()
	return removeStage(u.Stage.dir, u.Stage.lock)
}

// Sweep removes a stage or a draft that a killed process left. One in which a living process works is an error that wraps fs.ErrExist; a
// directory in which there is something else than a stage holds is refused.
type Sweep struct{ Path string }

// Shell implements Step.
func (s Sweep) Shell() string { return "rm -rf " + Quote(s.Path) }

func (s Sweep) apply(ctx context.Context, l *Local) error {
	dir, err := openDir(unix.AT_FDCWD, s.Path, s.Path)
	if errors.Is(err, unix.ENOTDIR) {
		return sweepDraft(s.Path)
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	lock, err := openAt(int(dir.Fd()), filepath.Base(s.Path), s.Path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if os.IsNotExist(err) { // killed before there was a lock, or some directory of that name: only if it is empty
		return Rmdir(s).apply(ctx, l)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := flock(lock); err != nil {
		return err
	}
	return removeStage(dir, lock)
}

// place returns the directory and the name by which a step finds path.
func (l *Local) place(path string) (dir int, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.stages[filepath.Dir(path)]; ok {
		return int(s.dir.Fd()), filepath.Base(path)
	}
	return unix.AT_FDCWD, path
}

// workDir returns where a command runs that is to run in path.
func (l *Local) workDir(path string) string {
	if dir, _ := l.place(path + "/name"); dir != unix.AT_FDCWD {
		return fmt.Sprintf("/proc/self/fd/%d", dir)
	}
	return path
}
