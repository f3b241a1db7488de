// Package safeopen opens files whose paths other users may control, without surprises.
//
// A path is followed one directory at a time, each by its descriptor. A symbolic link of another user is
// followed only to files of that user; any other link of another user is a [LinkError]. [OpenPath] returns a
// [Handle]: the file was inspected, but not opened, so that the caller can refuse FIFOs and devices first.
// [Handle.Open] then opens the file that was inspected. [FindEntry] returns an [Entry], a name in an open
// directory, for system calls that create, rename or remove. [CheckGuarded] checks that nobody else can
// change the directories on a path.
package safeopen

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// A Handle is a file that was inspected but not opened. Opening could have side effects: a FIFO waits for a
// writer, a tape rewinds, a watchdog starts. The caller opens the file once the handle shows that this is
// harmless.
//
// Another user may be able to change the file's name. Only root can create a device there, but anybody can
// create a link to one. So a name that was no link must not be one when it is opened, and the file that a
// link led to is held by an O_PATH descriptor, which does not open the file (open(2)).
type Handle struct {
	at   Entry
	fd   int    // the file that a link leads to; -1: the entry is no link
	Path string // as the caller named it
	unix.Stat_t
}

// OpenPath inspects the file that a path leads to. A symbolic link that must not be followed is a LinkError.
func OpenPath(path string) (*Handle, error) {
	e, err := FindEntry(path)
	if err != nil {
		return nil, err
	}
	return OpenEntry(e, path)
}

// OpenEntry inspects the file at an entry. The handle owns the entry. path is for messages.
func OpenEntry(e Entry, path string) (*Handle, error) {
	h := &Handle{at: e, fd: -1, Path: path}
	err := retry.Fstatat(e.Dir, e.Name, &h.Stat_t, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && h.kind() == unix.S_IFLNK {
		err = h.follow()
	}
	if err != nil {
		h.Close()
		return nil, PathError("open", path, Cause(err))
	}
	return h, nil
}

// follow opens the file that a link leads to with O_PATH.
func (h *Handle) follow() error {
	n, err := chase(h.at.Dir, h.at.Name)
	if err != nil {
		return err
	}
	h.fd, n.fd = n.fd, -1
	n.close()
	if err := h.stat(h.fd); err != nil {
		return err
	}
	if h.at.device != 0 && h.Dev != h.at.device {
		return unix.ENOENT
	}
	return nil
}

// Close releases the handle.
func (h *Handle) Close() {
	if h.IsLink() {
		unix.Close(h.fd)
	}
	h.at.Close()
}

func (h *Handle) stat(fd int) error { return retry.Fstat(fd, &h.Stat_t) }

func (h *Handle) kind() uint32 { return h.Mode & unix.S_IFMT }

// IsLink reports whether there is a symbolic link at the path itself.
func (h *Handle) IsLink() bool { return h.fd >= 0 }

// IsDir reports whether the file is a directory.
func (h *Handle) IsDir() bool { return h.kind() == unix.S_IFDIR }

// IsFile reports whether the file is a regular file.
func (h *Handle) IsFile() bool { return h.kind() == unix.S_IFREG }

// IsBlock reports whether the file is a block device.
func (h *Handle) IsBlock() bool { return h.kind() == unix.S_IFBLK }

// HasData reports whether the file can hold an image: whether it is a regular file or a block device.
func (h *Handle) HasData() bool { return h.IsFile() || h.IsBlock() }

// IsSame reports whether two handles are the same file, or nodes of the same block device.
func (h *Handle) IsSame(o *Handle) bool {
	return h.Dev == o.Dev && h.Ino == o.Ino || h.IsBlock() && o.IsBlock() && h.Rdev == o.Rdev
}

// In inspects the file with a name in the directory h.
func (h *Handle) In(name string) (*Handle, error) {
	dir, path := -1, h.Path+"/"+name
	err := retry.Do(func() (err error) {
		at, from, flags := h.openatArgs()
		dir, err = retry.Openat(at, from, flags|unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, PathError("open", path, err)
	}
	return OpenEntry(Entry{Dir: dir, Name: name, done: func() { unix.Close(dir) }}, path)
}

// openatArgs returns the arguments by which openat(2) opens the file.
func (h *Handle) openatArgs() (dir int, name string, flags int) {
	if h.IsLink() {
		return unix.AT_FDCWD, h.ProcPath(), 0
	}
	return h.at.Dir, h.at.Name, unix.O_NOFOLLOW
}

// ProcPath returns a path in /proc that leads to the file, or to its name in its open directory if the path
// was no link.
func (h *Handle) ProcPath() string {
	if h.IsLink() {
		return "/proc/self/fd/" + strconv.Itoa(h.fd)
	}
	return h.at.procPath()
}

// Birth returns when the file was created, if its file system knows (statx(2)).
func (h *Handle) Birth() time.Time {
	dir, name, flags := h.at.Dir, h.at.Name, unix.AT_SYMLINK_NOFOLLOW
	if h.IsLink() {
		dir, name, flags = h.fd, "", unix.AT_EMPTY_PATH
	}
	var s unix.Statx_t
	if err := retry.Statx(dir, name, flags, unix.STATX_BTIME, &s); err != nil || s.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(s.Btime.Sec, int64(s.Btime.Nsec))
}

// Label returns the file's SELinux label, or "" if it has none.
func (h *Handle) Label() string {
	read := unix.Lgetxattr
	if h.IsLink() {
		read = unix.Getxattr
	}
	buffer := make([]byte, 1024)
	n, err := read(h.ProcPath(), "security.selinux", buffer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(buffer[:n]), "\x00")
}

// OpenUntrusted is OpenPath for a path that another party wrote, such as a guest into an image header. It
// refuses files that the kernel makes up, because reading them can have side effects (/proc/kmsg). Their file
// systems have no blocks.
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
			err = fmt.Errorf("%q is not a stored file", path)
		}
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// mayHaveNoBlocks contains file systems that store files but may report a size of 0 blocks.
var mayHaveNoBlocks = map[int64]bool{
	unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.FUSE_SUPER_MAGIC: true, unix.HOSTFS_SUPER_MAGIC: true,
}

// Pin returns an O_PATH descriptor of a regular file or block device. It does not open the file, but can be
// reopened: by OpenPinned, and by a program that receives it (host.Input.Open). The handle's Stat_t is that
// of the descriptor.
func (h *Handle) Pin() (*os.File, error) {
	fd, err := h.PinAny()
	if err != nil {
		return nil, err
	}
	if !h.HasData() {
		fd.Close()
		return nil, fmt.Errorf("%q is not a file or a block device", h.Path)
	}
	return os.NewFile(uintptr(fd), h.Path), nil
}

// PinAny is Pin for files of any kind.
func (h *Handle) PinAny() (FD, error) {
	dir, name, noFollow := h.openatArgs()
	fd, err := retry.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC|noFollow, 0)
	if err == nil {
		err = h.stat(fd)
	}
	if err == nil && h.kind() == unix.S_IFLNK { // the name has become a link since it was inspected
		err = unix.ELOOP
	}
	if err != nil && fd >= 0 {
		unix.Close(fd)
	}
	return FD(fd), PathError("open", h.Path, err)
}
