package host

import (
	"io"
	"strconv"

	"golang.org/x/sys/unix"
)

// Held is a file that is looked at, and opened only when it is known not to be what had better not be opened: a FIFO that
// would wait for a writer, a tape that would wind back, a watchdog that would start. Its name may be somebody else's to change.
// He cannot make it a device, only root can, but a link to one; so what was no link must not be one when it is opened, and
// where a link leads is held from the first look on, which is no opening (O_PATH, open(2)).
type Held struct {
	fd   int    // -1: it is no link
	Path string // as it was asked for
	unix.Stat_t
}

// Hold looks at the file at path, or the one that a link there leads to.
func Hold(path string) (*Held, error) { return holdAt(unix.AT_FDCWD, path, path) }

// holdAt looks at a name in a directory. The path is for messages.
func holdAt(dir int, name, path string) (*Held, error) {
	h := &Held{fd: -1, Path: path}
	err := again(func() error { return unix.Fstatat(dir, name, &h.Stat_t, unix.AT_SYMLINK_NOFOLLOW) })
	if err == nil && h.kind() == unix.S_IFLNK {
		err = again(func() (err error) {
			h.fd, err = unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC, 0)
			return err
		})
		if err == nil {
			err = h.look(h.fd)
		}
	}
	if err != nil {
		h.Close()
		return nil, pathError("open", path, err)
	}
	return h, nil
}

// Close lets go of it.
func (h *Held) Close() {
	if h.IsLink() {
		unix.Close(h.fd)
	}
}

func (h *Held) look(fd int) error { return again(func() error { return unix.Fstat(fd, &h.Stat_t) }) }

func (h *Held) kind() uint32 { return h.Mode & unix.S_IFMT }

// IsLink tells whether there is a symbolic link at the path itself.
func (h *Held) IsLink() bool { return h.fd >= 0 }

// Trusted returns nil unless what is held was found by a link that is neither root's nor ours: who writes there may write for
// others.
func (h *Held) Trusted() error { return h.trust(unix.AT_FDCWD, h.Path) }

// IsDir tells whether it is a directory.
func (h *Held) IsDir() bool { return h.kind() == unix.S_IFDIR }

// IsFile tells whether it is a regular file.
func (h *Held) IsFile() bool { return h.kind() == unix.S_IFREG }

// IsBlock tells whether it is a block device.
func (h *Held) IsBlock() bool { return h.kind() == unix.S_IFBLK }

// HasData tells whether it can hold an image.
func (h *Held) HasData() bool { return h.IsFile() || h.IsBlock() }

// Open opens what has data for reading. It looks again: another file may have taken the name, which is as good.
func (h *Held) Open() (FD, error) { return h.open(unix.AT_FDCWD, h.Path, unix.O_RDONLY) }

func (h *Held) open(dir int, name string, flags int) (FD, error) {
	flags |= unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	if h.IsLink() {
		dir, name = unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(h.fd)
	} else {
		flags |= unix.O_NOFOLLOW
	}
	fd := -1
	err := again(func() (err error) {
		fd, err = unix.Openat(dir, name, flags, 0)
		return err
	})
	if err == nil {
		if err = h.look(fd); err == nil && !h.HasData() {
			err = unix.ENOENT
		}
		if err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return -1, pathError("open", h.Path, err)
	}
	return FD(fd), nil
}

// FD is an open file. An os.File would register itself with the runtime's poller first, once for each image of a listing.
type FD int

// Close closes it.
func (f FD) Close() { unix.Close(int(f)) }

// Size is where the file or device ends, in bytes.
func (f FD) Size() (int64, error) { return unix.Seek(int(f), 0, io.SeekEnd) }

// ReadAt implements io.ReaderAt.
func (f FD) ReadAt(b []byte, offset int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Pread(int(f), b[done:], offset+int64(done))
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
