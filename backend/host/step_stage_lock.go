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
	"poolctl/backend/host/safeopen"
)

// lockNewStage locks a staging directory that was just created.
func lockNewStage(dir *os.File, path string) (*os.File, error) {
	name := filepath.Base(path)
	lock, err := safeopen.OpenAt(int(dir.Fd()), name, path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
	if err != nil {
		return nil, mapErrSwept(path, err)
	}
	if err = lockFile(lock); err == nil {
		err = checkNewStage(dir, lock)
	}
	if err = mapErrSwept(path, err); err == nil {
		return lock, nil
	}
	lock.Close()
	if !errors.Is(err, fs.ErrExist) {
		_ = retry.Unlinkat(int(dir.Fd()), name, 0)
	}
	return nil, err
}

// checkNewStage returns an error if dir is not the directory that was just created, with only its lock in it:
// if it contains more, or has another owner than a new file in it. (The owner need not be the running user:
// some file systems have no owners, and some servers do not trust root.)
func checkNewStage(dir, lock *os.File) error {
	var d, l unix.Stat_t
	if err := errors.Join(retry.Fstat(int(dir.Fd()), &d), retry.Fstat(int(lock.Fd()), &l)); err != nil {
		return err
	}
	names, err := readNames(dir)
	swept := l.Nlink == 0 || !slices.Contains(names, filepath.Base(lock.Name())) // NFS updates Nlink late
	switch {
	case err != nil:
		return err
	case d.Uid == l.Uid && swept:
		return mapErrSwept(dir.Name(), unix.ENOENT)
	case d.Uid != l.Uid || len(names) > 1:
		return fmt.Errorf("%q was replaced by a directory of user %d: %w", dir.Name(), d.Uid, fs.ErrPermission)
	}
	return nil
}

// mapErrSwept converts an error that means that a new staging directory is gone into one that wraps
// fs.ErrExist: another process removed the directory as a leftover before it was locked, or replaced it, and
// is treated as if it had created the directory first.
func mapErrSwept(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESTALE) || errors.Is(err, unix.ENOTDIR) {
		return safeopen.PathError("lock", path, unix.EEXIST)
	}
	return err
}

// lockFile locks a file, with lockPatiently. If a server has removed the file, the error wraps
// fs.ErrNotExist.
func lockFile(f *os.File) error {
	return lockPatiently(int(f.Fd()), func() error { return tryLockFile(f) })
}

// tryLockFile locks a file without waiting. If the file is locked, the error wraps fs.ErrExist.
func tryLockFile(f *os.File) error {
	err := retry.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EACCES) { // EACCES: as by fcntl(2), from a server
		return fmt.Errorf("another process is working in %q: %w", f.Name(), fs.ErrExist)
	}
	if errors.Is(err, unix.ESTALE) {
		err = unix.ENOENT
	}
	return safeopen.PathError("lock", f.Name(), err)
}

// removeStage removes the contents of a staging directory, then its lock, then the directory. Once the lock
// is gone, any process may remove the directory, and it does not matter which one does. The lock is closed
// before that, because a file that is removed from an NFS directory while it is open stays there under
// another name until it is closed.
func removeStage(at safeopen.Entry, dir, lock *os.File) error {
	fd, lockName := int(dir.Fd()), at.Name
	names, err := readNames(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == lockName {
			continue
		}
		err := os.RemoveAll(fmt.Sprintf("/proc/self/fd/%d/%s", fd, name))
		if errors.Is(err, unix.EBUSY) { // over NFS: a removed file that a process has open
			return fmt.Errorf("another process is working in %q: %w", dir.Name(), fs.ErrExist)
		}
		if err != nil {
			return err
		}
	}
	err = retry.Unlinkat(fd, lockName, 0)
	lock.Close()
	if err == nil || errors.Is(err, unix.ENOENT) {
		err = retry.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR)
	}
	var st unix.Stat_t
	if err != nil && retry.Fstat(fd, &st) == nil && st.Nlink == 0 {
		return nil
	}
	return safeopen.PathError("remove", dir.Name(), err)
}

// readNames returns the names in a directory now. It opens the directory again, because over SMB the kernel
// caches the names that it has read once.
func readNames(dir *os.File) ([]string, error) {
	now, err := safeopen.OpenDirAt(int(dir.Fd()), ".", dir.Name())
	if err != nil {
		return nil, err
	}
	defer now.Close()
	return now.Readdirnames(-1)
}
