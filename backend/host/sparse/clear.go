package sparse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// NextData returns the first range of data at or after from: its start, and the start of the hole behind it,
// both at most end. Where holes cannot be found, everything is data (lseek(2), SEEK_DATA): devices and pipes
// have no holes, and CIFS returns EIO for a file of many extents (Linux 7.2 with Samba 4.17). If the file
// cannot be read, reading fails.
func NextData(f *os.File, from, end int64) (start, stop int64) {
	fd := int(f.Fd())
	start, err := retry.Seek(fd, from, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) && IsRegular(f) {
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

// Chunk is the largest range that the kernel is asked to process at a time, in bytes.
const Chunk = 1 << 28

// InChunks calls do for a range of a file or device, in chunks that are small enough to end soon after a
// signal.
func InChunks(ctx context.Context, from, to int64, do func(from, length int64) error) error {
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		length := min(to-from, Chunk)
		if err := retry.Do(func() error { return do(from, length) }); err != nil {
			return err
		}
		from += length
	}
	return nil
}

// A Clearer makes a range of a file or device read as zeros: Punch or ZeroOut.
type Clearer func(f *os.File, from, length int64) error

// Punch deallocates a range of a file (fallocate(2)). If the range ends with the file, Punch includes the
// rest of the last block, which would stay allocated otherwise. It zeroes a range of a device.
func Punch(f *os.File, from, length int64) error {
	if IsBlock(f) {
		return ZeroOut(f, from, length)
	}
	if info, err := retry.FileInfo(f); err == nil && from+length == info.Size() {
		length += Block - 1 - (from+length+Block-1)%Block
	}
	return retry.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, length)
}

// ZeroOut makes a range read as zeros and keeps it allocated. For devices it uses BLKZEROOUT (linux/fs.h),
// which takes whole sectors; the kernel writes the zeros where the device cannot.
func ZeroOut(f *os.File, from, length int64) error {
	if IsBlock(f) {
		return blockRange(f, unix.BLKZEROOUT, from, length)
	}
	if OnFUSE(fmt.Sprintf("/proc/self/fd/%d", f.Fd())) {
		return unix.EOPNOTSUPP
	}
	return retry.Fallocate(int(f.Fd()), unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, from, length)
}

// OnFUSE reports whether a file is on a FUSE file system. FALLOC_FL_ZERO_RANGE must not be used there:
// GlusterFS 10 reports success without zeroing the range.
func OnFUSE(path string) bool {
	var st unix.Statfs_t
	return retry.Statfs(path, &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC
}

// Discard deallocates a range of a file or of a device (BLKDISCARD). A device's range may then read as
// anything.
func Discard(f *os.File, from, length int64) error {
	if IsBlock(f) {
		return blockRange(f, unix.BLKDISCARD, from, length)
	}
	return Punch(f, from, length)
}

// Clear makes a range read as zeros by how, or by writing zeros where how is not supported.
func Clear(ctx context.Context, f *os.File, how Clearer, from, to int64) error {
	if IsBlock(f) { // only whole sectors of a device can be cleared
		first, last := min((from+Block-1)/Block*Block, to), to/Block*Block
		if err := WriteZeros(ctx, f, from, first, nil); err != nil {
			return err
		}
		if err := WriteZeros(ctx, f, max(last, first), to, nil); err != nil {
			return err
		}
		from, to = first, last
	}
	return InChunks(ctx, from, to, func(from, length int64) error {
		err := how(f, from, length)
		if isUnsupported(err) {
			return WriteZeros(ctx, f, from, from+length, nil)
		}
		return safeopen.PathError("zero", f.Name(), err)
	})
}

// isUnsupported reports whether an error means that a file system or device does not support an operation, or
// not for such a range.
func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY)
}

func blockRange(f *os.File, request uintptr, from, length int64) error {
	span := [2]uint64{uint64(from), uint64(length)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(&span)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Allocate allocates space for a range of a file and keeps its data.
func Allocate(ctx context.Context, f *os.File, from, to int64) error {
	return InChunks(ctx, from, to, func(from, length int64) error {
		err := retry.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, from, length)
		if isUnsupported(err) {
			return rewrite(ctx, f, from, from+length)
		}
		return safeopen.PathError("allocate", f.Name(), err)
	})
}

// rewrite reads a range and writes it back. This allocates holes where the file system has no fallocate(2).
func rewrite(ctx context.Context, f *os.File, from, to int64) error {
	buffer := make([]byte, len(Zeros))
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buffer[:min(to-from, int64(len(buffer)))]
		n, err := f.ReadAt(part, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		clear(part[n:])
		if _, err := f.WriteAt(part, from); err != nil {
			return err
		}
		from += int64(len(part))
	}
	return nil
}
