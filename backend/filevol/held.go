package filevol

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/image"
	"poolctl/pooldef"
)

// A held file is one that is looked at, and opened only when it is known not to be what had better not be opened: a FIFO that
// would wait for a writer, a tape that would wind back, a watchdog that would start. Its name may be somebody else's to change.
// He cannot make it a device, only root can, but a link to one; so what was no link must not be one when it is opened, and
// where a link leads is held from the first look on, which is no opening (O_PATH, open(2)).
type held struct {
	fd   int // -1: it is no link
	path string
	unix.Stat_t
}

// hold looks at the file at path, or the one that a link there leads to.
func hold(path string) (*held, error) {
	h := &held{fd: -1, path: path}
	err := again(func() error { return unix.Lstat(path, &h.Stat_t) })
	if err == nil && h.kind() == unix.S_IFLNK {
		h.fd, err = openFile(path, unix.O_PATH)
		if err == nil {
			err = h.look(h.fd)
		}
	}
	if err != nil {
		h.close()
		return nil, h.error("open", err)
	}
	return h, nil
}

func (h *held) close() {
	if h.isLink() {
		unix.Close(h.fd)
	}
}

func (h *held) look(fd int) error { return again(func() error { return unix.Fstat(fd, &h.Stat_t) }) }

func (h *held) kind() uint32 { return h.Mode & unix.S_IFMT }

func (h *held) isLink() bool { return h.fd >= 0 }

func (h *held) isDir() bool { return h.kind() == unix.S_IFDIR }

// isVolume accepts regular files, directories and block devices; libvirt, too, passes over the rest.
func (h *held) isVolume() bool { return h.isDir() || h.hasHeader() }

// hasHeader tells what can hold an image.
func (h *held) hasHeader() bool { return h.kind() == unix.S_IFREG || h.kind() == unix.S_IFBLK }

// open opens what has a header for reading. It looks again: another file may have taken the name, which is as good.
func (h *held) open() (fd int, err error) {
	path, flags := h.path, unix.O_NOFOLLOW
	if h.isLink() {
		path, flags = "/proc/self/fd/"+strconv.Itoa(h.fd), 0
	}
	if fd, err = openFile(path, flags|unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY); err != nil {
		return -1, err
	}
	if err = h.look(fd); err == nil && !h.hasHeader() {
		err = unix.ENOENT
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

// probe reads the header of what has one. It returns also the size of the file or device.
func (h *held) probe() (image.Info, uint64, error) {
	fd, err := h.open()
	if err != nil {
		return image.Info{}, 0, h.error("open", err)
	}
	defer unix.Close(fd)
	size := h.Size
	if h.kind() == unix.S_IFBLK {
		if size, err = unix.Seek(fd, 0, io.SeekEnd); err != nil {
			return image.Info{}, 0, h.error("seek", err)
		}
	}
	info, err := image.Probe(fdReader(fd), size)
	if err != nil {
		return image.Info{}, 0, h.error("read", err)
	}
	return info, uint64(size), nil
}

func (h *held) error(op string, err error) error {
	return &fs.PathError{Op: op, Path: h.path, Err: err}
}

func (h *held) permissions() pooldef.Permissions { return permissions(h.Mode, h.Uid, h.Gid) }

func permissions(mode, uid, gid uint32) pooldef.Permissions {
	mode &= 0o777
	return pooldef.Permissions{Mode: &mode, Owner: &uid, Group: &gid}
}

func (h *held) times() *pooldef.Timestamps {
	return &pooldef.Timestamps{Access: time.Unix(h.Atim.Unix()), Modify: time.Unix(h.Mtim.Unix()), Change: time.Unix(h.Ctim.Unix())}
}

// birth returns when a file was made, if its file system knows (statx(2)).
func birth(path string) time.Time {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BTIME, &s); err != nil || s.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(s.Btime.Sec, int64(s.Btime.Nsec))
}

// label returns the SELinux label of a file, if it has one.
func label(path string) string {
	buffer := make([]byte, 1024)
	n, err := unix.Getxattr(path, "security.selinux", buffer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(buffer[:n]), "\x00")
}

// fdReader reads a file descriptor. An os.File would register it with the runtime's poller first, once for each image.
type fdReader int

// ReadAt implements io.ReaderAt.
func (r fdReader) ReadAt(b []byte, offset int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Pread(int(r), b[done:], offset+int64(done))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return done, err
		case n == 0:
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

func openFile(path string, flags int) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

// again makes a system call until no signal interrupts it.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
