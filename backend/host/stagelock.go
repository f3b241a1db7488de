package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

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
	if err = gone(path, err); err == nil {
		return lock, nil
	}
	lock.Close()
	if !errors.Is(err, fs.ErrExist) {
		_ = retry.Unlinkat(int(dir.Fd()), name, 0)
	}
	return nil, err
}

// isNew returns an error if this is not the directory that was just made, with only its lock in it: if it holds more than that,
// or does not belong to whom a new file in it belongs. (That is not always us: there are file systems that know no owners, and
// servers that do not trust root.)
func isNew(dir, lock *os.File) error {
	var d, l unix.Stat_t
	if err := errors.Join(retry.Fstat(int(dir.Fd()), &d), retry.Fstat(int(lock.Fd()), &l)); err != nil {
		return err
	}
	names, err := list(dir)
	swept := l.Nlink == 0 || !slices.Contains(names, filepath.Base(lock.Name())) // NFS tells the former later
	switch {
	case err != nil:
		return err
	case d.Uid == l.Uid && swept:
		return gone(dir.Name(), unix.ENOENT)
	case d.Uid != l.Uid || len(names) > 1:
		return fmt.Errorf("%q was exchanged for a directory of user %d: %w", dir.Name(), d.Uid, fs.ErrPermission)
	}
	return nil
}

// gone turns an error that means that a new stage is not there any more into one that wraps fs.ErrExist: somebody has swept it before it was
// locked, or put something else there, which is as if he had been first.
func gone(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESTALE) || errors.Is(err, unix.ENOTDIR) {
		return pathError("lock", path, unix.EEXIST)
	}
	return err
}

// flock locks a file, as patiently as that may be. One of a server's that is there no more is an error that wraps fs.ErrNotExist.
func flock(f *os.File) error { return patiently(int(f.Fd()), func() error { return flockOnce(f) }) }

// flockOnce locks it at once or not at all: one that is in use is an error that wraps fs.ErrExist.
func flockOnce(f *os.File) error {
	err := retry.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EACCES) { // the latter from a server's share, as by fcntl(2)
		return fmt.Errorf("another process is working in %q: %w", f.Name(), fs.ErrExist)
	}
	if errors.Is(err, unix.ESTALE) {
		err = unix.ENOENT
	}
	return pathError("lock", f.Name(), err)
}

// removeStage removes what is in a stage, its lock at last, and the stage. Without the lock anybody may sweep it, and it does
// not matter who is first. It is closed before the stage goes: what is removed while it is open stays in an NFS directory under
// another name until then.
func removeStage(at spot, dir, held *os.File) error {
	fd, lock := int(dir.Fd()), at.name
	names, err := list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == lock {
			continue
		}
		err := os.RemoveAll(fmt.Sprintf("/proc/self/fd/%d/%s", fd, name))
		if errors.Is(err, unix.EBUSY) { // over NFS: what somebody has removed, but has open yet
			return fmt.Errorf("another process is working in %q: %w", dir.Name(), fs.ErrExist)
		}
		if err != nil {
			return err
		}
	}
	err = retry.Unlinkat(fd, lock, 0)
	held.Close()
	if err == nil || errors.Is(err, unix.ENOENT) {
		err = retry.Unlinkat(at.dir, at.name, unix.AT_REMOVEDIR)
	}
	var st unix.Stat_t
	if err != nil && retry.Fstat(fd, &st) == nil && st.Nlink == 0 {
		return nil
	}
	return pathError("remove", dir.Name(), err)
}

// list returns the names in a directory as it is now. It is opened anew: over SMB, the kernel remembers what it has read once.
func list(dir *os.File) ([]string, error) {
	now, err := openDir(int(dir.Fd()), ".", dir.Name())
	if err != nil {
		return nil, err
	}
	defer now.Close()
	return now.Readdirnames(-1)
}
