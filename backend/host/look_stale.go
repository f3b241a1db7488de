package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// IsStale reports whether a staging directory or a pending file is at least so old, and in use by no process,
// so that [Sweep] would remove it.
func IsStale(path string, age time.Duration) bool {
	info, err := os.Lstat(path)
	if err != nil || time.Since(info.ModTime()) < age {
		return false
	}
	lock := path
	if info.IsDir() {
		lock = filepath.Join(path, filepath.Base(path))
	}
	f, err := os.OpenFile(lock, unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) { // killed before it was locked, if it is empty
		entries, err := os.ReadDir(path)
		return err == nil && len(entries) == 0
	}
	if err != nil {
		return false
	}
	defer f.Close()
	return retry.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil
}
