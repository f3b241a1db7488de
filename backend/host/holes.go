package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// nextData returns the first piece of data in a file at or after from: where it begins, and where the hole behind it does, both
// at most end. Where nobody can say, all is data (lseek(2), SEEK_DATA): devices and pipes have no holes, and CIFS answers EIO for a file
// of many pieces (Linux 7.2 with Samba 4.17). Whether it can be read, reading shows.
func nextData(f *os.File, from, end int64) (start, stop int64) {
	fd := int(f.Fd())
	start, err := retry.Seek(fd, from, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) && isRegular(f) {
		return end, end
	}
	if err != nil {
		return from, end
	}
	stop, err = retry.Seek(fd, start, unix.SEEK_HOLE)
	if err != nil {
		stop = end
	}
	return min(start, end), min(stop, end)
}

// inChunks does something to a part of a file or device, in pieces that are small enough for a signal to be noticed in time.
func inChunks(ctx context.Context, from, to int64, do func(from, length int64) error) error {
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		length := min(to-from, chunk)
		if err := retry.Do(func() error { return do(from, length) }); err != nil {
			return err
		}
		from += length
	}
	return nil
}

// A clearing is a way to make a part of a file or device read as zeros.
type clearing func(f *os.File, from, length int64) error

// punch gives back the room that a part of a file occupies (fallocate(2)), to its end also the rest of the last block, which would
// stay otherwise. A device keeps its own.
func punch(f *os.File, from, length int64) error {
	if isBlock(f) {
		return zeroOut(f, from, length)
	}
	if info, err := f.Stat(); err == nil && from+length == info.Size() {
		length += block - 1 - (from+length+block-1)%block
	}
	return retry.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, length)
}

// zeroOut keeps the room (BLKZEROOUT of linux/fs.h, in whole sectors; the kernel writes the zeros where the device cannot).
func zeroOut(f *os.File, from, length int64) error {
	if isBlock(f) {
		return blockRange(f, unix.BLKZEROOUT, from, length)
	}
	if onFUSE(fmt.Sprintf("/proc/self/fd/%d", f.Fd())) {
		return unix.EOPNOTSUPP
	}
	return retry.Fallocate(int(f.Fd()), unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, from, length)
}

// onFUSE tells whether a file is of a file system that some program serves: GlusterFS 10 says that it has zeroed a range, and has not.
func onFUSE(path string) bool {
	var st unix.Statfs_t
	return retry.Statfs(path, &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC
}

// discard gives back the room of a device, too, which may then read as anything (BLKDISCARD).
func discard(f *os.File, from, length int64) error {
	if isBlock(f) {
		return blockRange(f, unix.BLKDISCARD, from, length)
	}
	return punch(f, from, length)
}

// clearRange clears, by writing zeros where the file system or device knows no better way.
func clearRange(ctx context.Context, f *os.File, by clearing, from, to int64) error {
	if isBlock(f) { // of a device, only whole sectors can be cleared
		first, last := min((from+block-1)/block*block, to), to/block*block
		if err := writeZeros(ctx, f, from, first, nil); err != nil {
			return err
		}
		if err := writeZeros(ctx, f, max(last, first), to, nil); err != nil {
			return err
		}
		from, to = first, last
	}
	return inChunks(ctx, from, to, func(from, length int64) error {
		err := by(f, from, length)
		if isUnsupported(err) {
			return writeZeros(ctx, f, from, from+length, nil)
		}
		return safeopen.PathError("zero", f.Name(), err)
	})
}

// isUnsupported tells whether an error means that a file system or device cannot do something, or not with such a part.
func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY)
}

func isBlock(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice
}

func isRegular(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// isSame tells whether two open files are one.
func isSame(a, b *os.File) bool {
	one, err := a.Stat()
	other, otherErr := b.Stat()
	return err == nil && otherErr == nil && os.SameFile(one, other)
}

func blockRange(f *os.File, request uintptr, from, length int64) error {
	span := [2]uint64{uint64(from), uint64(length)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(&span))); errno != 0 {
		return errno
	}
	return nil
}

var zeros [1 << 20]byte

// isZero tells whether a buffer of at most 1 MiB holds nothing but zeros.
func isZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }
