package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// CreateFile makes a file that does not exist yet, and takes it away again if that does not work out whole.
type CreateFile struct {
	Path     string
	Mode     fs.FileMode
	UID, GID int    // -1: as the system gives them
	Size     uint64 // bytes
	Allocate uint64 // how many of them, from the start, get room on the disk; at most Size
	Zeros    bool   // the room is written full of zeros, not only reserved
	NoCOW    bool   // btrfs: written in place
}

// Shell implements Step.
func (c CreateFile) Shell() string {
	path := Quote(c.Path)
	steps := []string{"(set -C; umask 077; : >" + path + ")"}
	if c.NoCOW {
		steps = append(steps, "chattr +C "+path)
	}
	steps = append(steps, fmt.Sprintf("truncate -s %d %s", c.Size, path))
	switch {
	case c.Allocate > 0 && c.Zeros:
		steps = append(steps, fmt.Sprintf("head -c %d /dev/zero 1<>%s", c.Allocate, path))
	case c.Allocate > 0:
		steps = append(steps, fmt.Sprintf("fallocate -x -l %d %s", c.Allocate, path)) // -x: writes where it has to
	}
	if c.UID >= 0 || c.GID >= 0 {
		steps = append(steps, Chown{c.Path, c.UID, c.GID}.Shell())
	}
	return strings.Join(append(steps, Chmod{c.Path, c.Mode}.Shell()), " && ")
}

func (c CreateFile) apply(ctx context.Context, l *Local) error {
	dir, name := l.place(c.Path)
	f, err := openAt(dir, name, c.Path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	err = c.fill(ctx, f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = unix.Unlinkat(dir, name, 0)
	}
	return err
}

// fill makes an empty file what it is to be.
func (c CreateFile) fill(ctx context.Context, f *os.File) error {
	if c.NoCOW {
		if err := setNoCOW(f, true); err != nil {
			return err
		}
	}
	if err := f.Truncate(int64(c.Size)); err != nil {
		return err
	}
	fill := allocate
	if c.Zeros {
		fill = writeZeros
	}
	if err := fill(ctx, f, 0, int64(c.Allocate)); err != nil {
		return err
	}
	if c.UID >= 0 || c.GID >= 0 {
		if err := f.Chown(c.UID, c.GID); err != nil {
			return err
		}
	}
	if err := chmod(f, c.Mode); err != nil {
		return err
	}
	return f.Sync()
}

// chunk is how much is allocated at a time, so that a signal is noticed.
const chunk = 1 << 30

// allocate gives a part of a file room on the disk; it writes zeros where the file system has no fallocate(2).
func allocate(ctx context.Context, f *os.File, from, to int64) error {
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		length := min(to-from, chunk)
		switch err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, from, length); err {
		case nil:
			from += length
		case unix.EINTR: // the Go runtime sends itself signals
		case unix.EOPNOTSUPP, unix.ENOSYS:
			return writeZeros(ctx, f, from, to)
		default:
			return pathError("allocate", f.Name(), err)
		}
	}
	return nil
}

func writeZeros(ctx context.Context, f *os.File, from, to int64) error {
	zeros := make([]byte, 1<<20)
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
