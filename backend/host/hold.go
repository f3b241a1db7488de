package host

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// Handle is a file that is looked at, and opened only when it is known not to be what had better not be opened: a FIFO that
// would wait for a writer, a tape that would wind back, a watchdog that would start. Its name may be somebody else's to change.
// He cannot make it a device, only root can, but a link to one; so what was no link must not be one when it is opened, and
// where a link leads is held from the first look on, which is no opening (O_PATH, open(2)).
type Handle struct {
	at   dirEntry
	fd   int    // where a link leads; -1: it is no link
	Path string // as it was asked for
	unix.Stat_t
}

// OpenPath looks at the file at path, or the one that a link there leads to. Links are followed as by chase: one that may not be is a LinkError.
func OpenPath(path string) (*Handle, error) {
	s, err := find(path)
	if err != nil {
		return nil, err
	}
	return hold(s, path)
}

// hold looks at a spot, which it takes over. The path is for messages.
func hold(s dirEntry, path string) (*Handle, error) {
	h := &Handle{at: s, fd: -1, Path: path}
	err := retry.Fstatat(s.dir, s.name, &h.Stat_t, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && h.kind() == unix.S_IFLNK {
		err = h.follow()
	}
	if err != nil {
		h.Close()
		return nil, pathError("open", path, reason(err))
	}
	return h, nil
}

// follow holds where a link leads.
func (h *Handle) follow() error {
	n, err := chase(h.at.dir, h.at.name)
	if err != nil {
		return err
	}
	h.fd, n.fd = n.fd, -1
	n.close()
	if err := h.look(h.fd); err != nil {
		return err
	}
	if p := h.at.place; p != nil && p.inside && h.Dev != p.device {
		return unix.ENOENT
	}
	return nil
}

// Close lets go of it.
func (h *Handle) Close() {
	if h.IsLink() {
		unix.Close(h.fd)
	}
	h.at.leave()
}

func (h *Handle) look(fd int) error { return retry.Fstat(fd, &h.Stat_t) }

func (h *Handle) kind() uint32 { return h.Mode & unix.S_IFMT }

// IsLink tells whether there is a symbolic link at the path itself.
func (h *Handle) IsLink() bool { return h.fd >= 0 }

// IsDir tells whether it is a directory.
func (h *Handle) IsDir() bool { return h.kind() == unix.S_IFDIR }

// IsFile tells whether it is a regular file.
func (h *Handle) IsFile() bool { return h.kind() == unix.S_IFREG }

// IsBlock tells whether it is a block device.
func (h *Handle) IsBlock() bool { return h.kind() == unix.S_IFBLK }

// HasData tells whether it can hold an image.
func (h *Handle) HasData() bool { return h.IsFile() || h.IsBlock() }

// IsSame tells whether two are one file, or one block device by two names.
func (h *Handle) IsSame(o *Handle) bool {
	return h.Dev == o.Dev && h.Ino == o.Ino || h.IsBlock() && o.IsBlock() && h.Rdev == o.Rdev
}

// In holds a name in the directory that is held.
func (h *Handle) In(name string) (*Handle, error) {
	dir, path := -1, h.Path+"/"+name
	err := retry.Do(func() (err error) {
		at, from, flags := h.reach()
		dir, err = retry.Openat(at, from, flags|unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return hold(dirEntry{dir: dir, name: name, owned: true}, path)
}

// reach returns what openat(2) opens it by.
func (h *Handle) reach() (dir int, name string, flags int) {
	if h.IsLink() {
		return unix.AT_FDCWD, "/proc/self/fd/" + strconv.Itoa(h.fd), 0
	}
	return h.at.dir, h.at.name, unix.O_NOFOLLOW
}

// Open opens what has data for reading. It looks again: another file may have taken the name, which is as good.
func (h *Handle) Open() (FD, error) { return h.open(unix.O_RDONLY) }

func (h *Handle) open(flags int) (FD, error) {
	dir, name, noFollow := h.reach()
	flags |= noFollow | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := retry.Openat(dir, name, flags, 0)
	if err == nil {
		if err = h.look(fd); err == nil && !h.HasData() && flags&unix.O_DIRECTORY == 0 {
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

// Pin holds what has data by a descriptor that opens nothing (O_PATH, open(2)), to be opened anew: by a program that it is given to
// (Input.Open), and by OpenPinned. What is looked at from then on is that.
func (h *Handle) Pin() (*os.File, error) {
	fd, err := h.pin()
	if err != nil {
		return nil, err
	}
	if !h.HasData() {
		fd.Close()
		return nil, fmt.Errorf("%q is not a file or a block device", h.Path)
	}
	return os.NewFile(uintptr(fd), h.Path), nil
}

// OpenPinned opens what is pinned for reading.
func OpenPinned(f *os.File) (FD, error) {
	fd, err := retry.Open("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	return FD(fd), pathError("open", f.Name(), err)
}

// OpenUntrusted is Hold for a path that somebody else has written, such as a guest into a header. A file that the kernel makes up is refused: to
// read one can do something (/proc/kmsg). Its file system has no blocks.
func OpenUntrusted(path string) (*Handle, error) {
	h, err := OpenPath(path)
	if err != nil || !h.IsFile() {
		return h, err
	}
	f, err := h.Pin()
	if err == nil {
		defer f.Close()
		var on unix.Statfs_t
		if err = retry.Fstatfs(int(f.Fd()), &on); err == nil && on.Blocks == 0 && !mayHaveNoBlocks[on.Type] {
			err = fmt.Errorf("%q is no file that is stored anywhere", path)
		}
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// mayHaveNoBlocks are the file systems that store files and may not tell how much room they have.
var mayHaveNoBlocks = map[int64]bool{unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.FUSE_SUPER_MAGIC: true, unix.HOSTFS_SUPER_MAGIC: true}

// pin holds what it is by a descriptor that opens nothing, and looks at that.
func (h *Handle) pin() (FD, error) {
	dir, name, noFollow := h.reach()
	fd, err := retry.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC|noFollow, 0)
	if err == nil {
		err = h.look(fd)
	}
	if err == nil && h.kind() == unix.S_IFLNK { // it was none a moment ago
		err = unix.ELOOP
	}
	if err != nil && fd >= 0 {
		unix.Close(fd)
	}
	return FD(fd), pathError("open", h.Path, err)
}

// Birth returns when it was made, if its file system knows (statx(2)).
func (h *Handle) Birth() time.Time {
	dir, name, flags := h.at.dir, h.at.name, unix.AT_SYMLINK_NOFOLLOW
	if h.IsLink() {
		dir, name, flags = h.fd, "", unix.AT_EMPTY_PATH
	}
	var s unix.Statx_t
	if err := retry.Statx(dir, name, flags, unix.STATX_BTIME, &s); err != nil || s.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(s.Btime.Sec, int64(s.Btime.Nsec))
}

// Label returns its SELinux label, if it has one.
func (h *Handle) Label() string {
	buffer, n, err := make([]byte, 1024), 0, error(nil)
	if _, path, _ := h.reach(); h.IsLink() {
		n, err = unix.Getxattr(path, "security.selinux", buffer)
	} else {
		n, err = unix.Lgetxattr(h.at.proc(), "security.selinux", buffer)
	}
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(buffer[:n]), "\x00")
}

// FD is an open file. An os.File would register itself with the runtime's poller first, once for each image of a listing.
type FD int

// Close closes it.
func (f FD) Close() { unix.Close(int(f)) }

// Size is where the file or device ends, in bytes.
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
