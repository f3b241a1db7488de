package sparse

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// A Progress function receives how many bytes are done, and how many there are in total, or 0 if that is not
// known. It may be nil.
type Progress func(done, total uint64)

// Report calls the function unless it is nil.
func (p Progress) Report(done, total int64) {
	if p != nil {
		p(uint64(done), uint64(total))
	}
}

// IsBlock reports whether an open file is a block device.
func IsBlock(f *os.File) bool {
	info, err := retry.FileInfo(f)
	return err == nil && info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice
}

// IsRegular reports whether an open file is a regular file.
func IsRegular(f *os.File) bool {
	info, err := retry.FileInfo(f)
	return err == nil && info.Mode().IsRegular()
}

// IsSparse reports whether less space is allocated to a regular file than it is long.
func IsSparse(f *os.File) bool {
	var st unix.Stat_t
	return retry.Fstat(int(f.Fd()), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Blocks*512 < st.Size
}

// IsSame reports whether two open files are the same file.
func IsSame(a, b *os.File) bool {
	one, err := retry.FileInfo(a)
	other, otherErr := retry.FileInfo(b)
	return err == nil && otherErr == nil && os.SameFile(one, other)
}

// Size returns the length of a file or block device, in bytes. It does not move the file offset, which
// another process may be using.
func Size(f *os.File) (int64, error) {
	info, err := retry.FileInfo(f)
	if err != nil {
		return 0, err
	}
	if info.Mode().IsRegular() {
		return info.Size(), nil
	}
	var size uint64
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKGETSIZE64, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0, safeopen.PathError("BLKGETSIZE64", f.Name(), errno)
	}
	return int64(size), nil
}

// Position returns the offset of a file, and whether the file is seekable: pipes are not.
func Position(f *os.File) (at int64, seekable bool) {
	if !IsRegular(f) && !IsBlock(f) {
		return 0, false
	}
	at, err := retry.Seek(int(f.Fd()), 0, io.SeekCurrent)
	return at, err == nil
}

// Appends reports whether writes go to the end of the file, whatever its offset is (O_APPEND).
func Appends(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_APPEND != 0
}

// NotEOF returns nil for the end of a file, and any other error as is.
func NotEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
