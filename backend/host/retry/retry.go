// Package retry contains system calls on files that are repeated when they fail for a reason that passes.
//
//   - EINTR: on FUSE file systems and some network file systems, any signal interrupts almost every call,
//     even fstat(2). Go's scheduler sends signals (SIGURG) to its threads at any time.
//   - EBADFD: GlusterFS's client answers a question about a file by means of any open descriptor of the file,
//     also one that is just being closed (seen with fstat(2) and GlusterFS 10.3).
//
// Each function repeats the function of package unix with the same name.
package retry

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Do calls f until it returns neither EINTR nor EBADFD. It waits a millisecond after EBADFD, and returns it
// if it comes a hundred times: a client that has lost a file for good says the same.
func Do(f func() error) error {
	for left := 100; ; {
		err := f()
		switch {
		case errors.Is(err, unix.EBADFD) && left > 0:
			left--
			time.Sleep(time.Millisecond)
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
}

// value is Do for a call that also returns a value.
func value[T any](f func() (T, error)) (v T, err error) {
	err = Do(func() (err error) {
		v, err = f()
		return err
	})
	return v, err
}

// ReadDirent repeats unix.ReadDirent.
func ReadDirent(fd int, b []byte) (int, error) {
	return value(func() (int, error) { return unix.ReadDirent(fd, b) })
}

// FileInfo is f.Stat, which itself repeats only EINTR.
func FileInfo(f *os.File) (fs.FileInfo, error) { return value(f.Stat) }

// withoutSignals calls f, and the thread receives signals only afterwards. GlusterFS's client can hang
// forever when a signal interrupts a lock call on its file system (seen with GlusterFS 10.3).
func withoutSignals(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = math.MaxUint64
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		return err
	}
	err := f()
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) // it fails only for a wrong argument
	return err
}

func Chmod(path string, mode uint32) error { return Do(func() error { return unix.Chmod(path, mode) }) }

func Faccessat(dir int, path string, mode uint32, flags int) error {
	return Do(func() error { return unix.Faccessat(dir, path, mode, flags) })
}

func Fallocate(fd int, mode uint32, off, length int64) error {
	return Do(func() error { return unix.Fallocate(fd, mode, off, length) })
}

func Fchmod(fd int, mode uint32) error { return Do(func() error { return unix.Fchmod(fd, mode) }) }

func Fchownat(dir int, path string, uid, gid, flags int) error {
	return Do(func() error { return unix.Fchownat(dir, path, uid, gid, flags) })
}

// FcntlFlock holds signals back, as withoutSignals describes; cmd must not be one that waits.
func FcntlFlock(fd uintptr, cmd int, lock *unix.Flock_t) error {
	return Do(func() error {
		return withoutSignals(func() error { return unix.FcntlFlock(fd, cmd, lock) })
	})
}

// Flock holds signals back, as withoutSignals describes; how must contain LOCK_NB or be LOCK_UN.
func Flock(fd, how int) error {
	return Do(func() error { return withoutSignals(func() error { return unix.Flock(fd, how) }) })
}

func Fstat(fd int, st *unix.Stat_t) error { return Do(func() error { return unix.Fstat(fd, st) }) }

func Fstatat(dir int, path string, st *unix.Stat_t, flags int) error {
	return Do(func() error { return unix.Fstatat(dir, path, st, flags) })
}

func Fstatfs(fd int, st *unix.Statfs_t) error {
	return Do(func() error { return unix.Fstatfs(fd, st) })
}

func Fsync(fd int) error { return Do(func() error { return unix.Fsync(fd) }) }

func IoctlFileClone(to, from int) error {
	return Do(func() error { return unix.IoctlFileClone(to, from) })
}

func Lstat(path string, st *unix.Stat_t) error {
	return Do(func() error { return unix.Lstat(path, st) })
}

func Mkdirat(dir int, path string, mode uint32) error {
	return Do(func() error { return unix.Mkdirat(dir, path, mode) })
}

func Open(path string, flags int, mode uint32) (int, error) {
	return value(func() (int, error) { return unix.Open(path, flags, mode) })
}

func Openat(dir int, path string, flags int, mode uint32) (int, error) {
	return value(func() (int, error) { return unix.Openat(dir, path, flags, mode) })
}

func Pread(fd int, b []byte, at int64) (int, error) {
	return value(func() (int, error) { return unix.Pread(fd, b, at) })
}

func Pwrite(fd int, b []byte, at int64) (int, error) {
	return value(func() (int, error) { return unix.Pwrite(fd, b, at) })
}

func Read(fd int, b []byte) (int, error) {
	return value(func() (int, error) { return unix.Read(fd, b) })
}

func Readlinkat(dir int, path string, b []byte) (int, error) {
	return value(func() (int, error) { return unix.Readlinkat(dir, path, b) })
}

func Renameat(oldDir int, oldPath string, newDir int, newPath string) error {
	return Do(func() error { return unix.Renameat(oldDir, oldPath, newDir, newPath) })
}

func Seek(fd int, off int64, whence int) (int64, error) {
	return value(func() (int64, error) { return unix.Seek(fd, off, whence) })
}

func Stat(path string, st *unix.Stat_t) error { return Do(func() error { return unix.Stat(path, st) }) }

func Statfs(path string, st *unix.Statfs_t) error {
	return Do(func() error { return unix.Statfs(path, st) })
}

func Statx(dir int, path string, flags, mask int, st *unix.Statx_t) error {
	return Do(func() error { return unix.Statx(dir, path, flags, mask, st) })
}

func Unlinkat(dir int, path string, flags int) error {
	return Do(func() error { return unix.Unlinkat(dir, path, flags) })
}
