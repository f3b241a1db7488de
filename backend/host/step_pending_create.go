package host

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// createPending creates a file for this process alone, and locks it, which distinguishes it from a leftover
// of a killed process. path is for messages.
func createPending(at safeopen.Entry, path string) (*os.File, error) {
	for range 5 {
		f, err := safeopen.OpenAt(at.Dir, at.Name, path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
		switch {
		case errors.Is(err, fs.ErrExist):
			if err = removeStaleFile(at, path); errors.Is(err, fs.ErrExist) {
				return nil, &InUseError{Path: path}
			}
		case err == nil:
			if err = lockFile(f); err == nil && hasName(f, at) {
				return f, nil
			}
			f.Close()
			if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
				continue // another process removed it as a leftover before the lock
			}
			_ = retry.Unlinkat(at.Dir, at.Name, 0)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, &InUseError{Path: path} // other processes keep creating and removing it
}

// removeStaleFile removes a leftover of a killed process. If a process is writing the file, the error wraps
// fs.ErrExist.
func removeStaleFile(at safeopen.Entry, path string) error {
	f, err := safeopen.OpenAt(at.Dir, at.Name, path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := lockFile(f); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil || !hasName(f, at) {
		return err
	}
	return safeopen.PathError("remove", path, retry.Unlinkat(at.Dir, at.Name, 0))
}

// hasName reports whether an open file is still the file at an entry.
func hasName(f *os.File, at safeopen.Entry) bool {
	var here, there unix.Stat_t
	return retry.Fstat(int(f.Fd()), &here) == nil &&
		retry.Fstatat(at.Dir, at.Name, &there, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		here.Dev == there.Dev && here.Ino == there.Ino
}
