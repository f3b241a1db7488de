package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
		return err
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
	return removeStage(u.Stage.dir)
}

// Sweep removes a stage that a killed process left. One in which a living process works is an error that wraps fs.ErrExist; a
// directory in which there is something else than a stage holds is refused.
type Sweep struct{ Path string }

// Shell implements Step.
func (s Sweep) Shell() string { return "rm -rf " + Quote(s.Path) }

func (s Sweep) apply(ctx context.Context, l *Local) error {
	dir, err := openDir(unix.AT_FDCWD, s.Path, s.Path)
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
	return removeStage(dir)
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

// lockNew locks a stage that was just made.
func lockNew(dir *os.File, path string) (*os.File, error) {
	name := filepath.Base(path)
	lock, err := openAt(int(dir.Fd()), name, path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
	if err != nil {
		return nil, gone(path, err)
	}
	if err = flock(lock); err == nil {
		err = isNew(dir, lock)
	}
	if err == nil {
		return lock, nil
	}
	lock.Close()
	if !errors.Is(err, fs.ErrExist) {
		_ = unix.Unlinkat(int(dir.Fd()), name, 0)
	}
	return nil, err
}

// isNew returns an error if this is not the directory that was just made, with only its lock in it: if it holds more than that,
// or does not belong to whom a new file in it belongs. (That is not always us: there are file systems that know no owners, and
// servers that do not trust root.)
func isNew(dir, lock *os.File) error {
	var d, l unix.Stat_t
	if err := errors.Join(unix.Fstat(int(dir.Fd()), &d), unix.Fstat(int(lock.Fd()), &l)); err != nil {
		return err
	}
	if l.Nlink == 0 {
		return gone(dir.Name(), unix.ENOENT)
	}
	names, err := list(dir)
	if err == nil && (d.Uid != l.Uid || len(names) != 1) {
		err = fmt.Errorf("%q was exchanged for a directory of user %d: %w", dir.Name(), d.Uid, fs.ErrPermission)
	}
	return err
}

// gone turns an error that means that a new stage is not there any more into one that wraps fs.ErrExist: somebody has swept it
// before it was locked, which is as if he had been first.
func gone(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return pathError("lock", path, unix.EEXIST)
	}
	return err
}

func flock(f *os.File) error {
	err := again(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("another process is working in %q: %w", f.Name(), fs.ErrExist)
	}
	return pathError("lock", f.Name(), err)
}

// removeStage removes what is in a stage, its lock at last, and the stage. Without the lock anybody may sweep it, and it does
// not matter who is first.
func removeStage(dir *os.File) error {
	fd, lock := int(dir.Fd()), filepath.Base(dir.Name())
	names, err := list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == lock {
			continue
		}
		if err := os.RemoveAll(fmt.Sprintf("/proc/self/fd/%d/%s", fd, name)); err != nil {
			return err
		}
	}
	err = again(func() error { return unix.Unlinkat(fd, lock, 0) })
	if err == nil || errors.Is(err, unix.ENOENT) {
		err = again(func() error { return unix.Rmdir(dir.Name()) })
	}
	var st unix.Stat_t
	if err != nil && unix.Fstat(fd, &st) == nil && st.Nlink == 0 {
		return nil
	}
	return pathError("remove", dir.Name(), err)
}

// list returns the names in a directory, however often it is asked.
func list(dir *os.File) ([]string, error) {
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return dir.Readdirnames(-1)
}

// workDir returns where a command runs that is to run in path.
func (l *Local) workDir(path string) string {
	if dir, _ := l.place(path + "/name"); dir != unix.AT_FDCWD {
		return fmt.Sprintf("/proc/self/fd/%d", dir)
	}
	return path
}
