package safeopen

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// An FD is an open file. Unlike an os.File, it is not registered with the runtime's poller, which would take
// time for each image of a listing.
type FD int

// Open opens a regular file or block device for reading. If another file with data has taken the name, it
// opens that.
func (h *Handle) Open() (FD, error) { return h.OpenFlags(unix.O_RDONLY) }

// OpenFlags is Open with flags of open(2). With O_DIRECTORY, it opens a directory.
func (h *Handle) OpenFlags(flags int) (FD, error) {
	dir, name, noFollow := h.openatArgs()
	flags |= noFollow | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := retry.Openat(dir, name, flags, 0)
	if err == nil {
		if err = h.stat(fd); err == nil && !h.HasData() && flags&unix.O_DIRECTORY == 0 {
			err = unix.ENOENT
		}
		if err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return -1, PathError("open", h.Path, err)
	}
	return FD(fd), nil
}

// OpenListed opens the regular file at an entry that a directory listing has shown to be one, without
// inspecting the file first. It follows no link, and fails if the file is not regular. What the file was when
// it was listed or inspected is equally old news: a link to a device is not followed, and only root can put a
// device there. path is for messages.
func OpenListed(e Entry, path string) (*Handle, FD, error) {
	h := &Handle{at: e, fd: -1, Path: path}
	fd, err := h.Open()
	if err == nil && !h.IsFile() {
		fd.Close()
		err = PathError("open", path, unix.EINVAL)
	}
	return h, fd, err
}

// OpenPinned opens a file returned by Handle.Pin for reading.
func OpenPinned(f *os.File) (FD, error) {
	path := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	fd, err := retry.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	return FD(fd), PathError("open", f.Name(), err)
}

// Close closes the file.
func (f FD) Close() { unix.Close(int(f)) }

// Size returns the length of the file or device, in bytes.
func (f FD) Size() (int64, error) { return retry.Seek(int(f), 0, io.SeekEnd) }

// ReadAt implements io.ReaderAt.
func (f FD) ReadAt(b []byte, offset int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retry.Pread(int(f), b[done:], offset+int64(done))
		switch {
		case err != nil:
			return done, err
		case n == 0:
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}
