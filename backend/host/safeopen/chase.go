package safeopen

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/fault"
	"poolctl/backend/host/retry"
)

// Follow returns an O_PATH descriptor of the file that a path leads to. See the package comment for the
// symbolic links that are followed.
func Follow(path string) (FD, error) {
	n, err := chase(unix.AT_FDCWD, path)
	if err != nil {
		return -1, err
	}
	fd := n.fd
	n.fd = -1
	n.close()
	return FD(fd), nil
}

// Resolve returns a handle of the file that a path leads to, and the file's entry in its directory. The
// entry's Dir is -1 if the path ends with / or .., or with one of the kernel's own links in /proc. The caller
// closes both.
func Resolve(path string) (*Handle, Entry, error) {
	n, err := chase(unix.AT_FDCWD, path)
	if err != nil {
		return nil, Entry{}, err
	}
	e := Entry{Dir: n.dir, Name: n.name}
	if n.dir >= 0 {
		e.done = func() { unix.Close(n.dir) }
	}
	h := &Handle{at: Entry{Dir: -1}, fd: n.fd, Path: path}
	if err := h.stat(h.fd); err != nil {
		h.Close()
		e.Close()
		return nil, Entry{}, err
	}
	return h, e, nil
}

// A node is the file that a path leads to, and its directory. Both descriptors are O_PATH (open(2)).
type node struct {
	dir  int    // -1 if it is unknown: for / and .., and for the kernel's own links in /proc
	name string // in dir; never a symbolic link
	fd   int
}

func (n node) close() {
	for _, fd := range []int{n.dir, n.fd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// chase follows a path one directory at a time, each by its descriptor, so that no directory can be exchanged
// on the way. A relative path begins at the directory at.
//
// A symbolic link that belongs to root or to the running user may lead anywhere. A link of another user may
// lead only to files of that user; otherwise it could lead us to files that its owner must not read or write,
// and chase returns a LinkError. (This is systemd's rule: CHASE_SAFE in its src/basic/chase.h.)
func chase(at int, path string) (node, error) {
	c := chaser{links: maxLinks}
	n, err := c.walk(at, path)
	if err != nil {
		return n, PathError("open", path, err)
	}
	return n, nil
}

// maxLinks is the number of links that a path may contain. The kernel follows no more (path_resolution(7)).
const maxLinks = 40

// A chaser follows one path.
type chaser struct {
	links   int  // how many more links may follow
	guarded bool // return a GuardError for a directory that other users can change
}

// walk follows a path that begins at a directory.
func (c *chaser) walk(at int, path string) (node, error) {
	start := "."
	if strings.HasPrefix(path, "/") {
		start = "/"
	}
	fd, err := openPathAt(at, start)
	n := node{dir: -1, fd: fd}
	for name := range strings.SplitSeq(path, "/") {
		if err != nil {
			break
		}
		if name != "" && name != "." {
			n, err = c.step(n, name)
		} else if n.dir >= 0 { // only a directory may be followed by a slash
			err = retry.Faccessat(n.fd, ".", unix.F_OK, 0)
		}
	}
	if err != nil {
		n.close()
		return node{-1, "", -1}, err
	}
	return n, nil
}

// step goes from the directory n to a name in it, and closes n. If it returns an error, it returns n
// unclosed.
func (c *chaser) step(n node, name string) (node, error) {
	fd, err := openPathAt(n.fd, name)
	if err != nil {
		return n, err
	}
	var st unix.Stat_t
	if err = retry.Fstat(fd, &st); err == nil && c.guarded {
		err = checkGuarded(n.fd, &st)
	}
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		at := node{n.fd, name, fd}
		if name == ".." {
			unix.Close(n.fd)
			at.dir = -1
		}
		n.fd = -1
		n.close()
		return at, nil
	}
	defer unix.Close(fd)
	if err != nil {
		return n, err
	}
	target, err := c.followLink(n.fd, name, fd, st.Uid)
	if err == nil {
		n.close()
		n = target
	}
	return n, err
}

// followLink follows the symbolic link fd, which belongs to the user owner and has a name in a directory.
func (c *chaser) followLink(dir int, name string, fd int, owner uint32) (node, error) {
	if c.links--; c.links < 0 {
		return node{}, unix.ELOOP
	}
	var on unix.Statfs_t
	if err := retry.Fstatfs(dir, &on); err != nil { // not of the link, which GlusterFS does not report
		return node{}, err
	}
	if on.Type == unix.PROC_SUPER_MAGIC {
		return followProcLink(dir, name)
	}
	target := make([]byte, unix.PathMax)
	size, err := retry.Readlinkat(fd, "", target)
	if err != nil {
		return node{}, err
	}
	n, err := c.walk(dir, string(target[:size]))
	if err != nil || owner == 0 || int(owner) == os.Geteuid() {
		return n, err
	}
	var st unix.Stat_t
	if err = retry.Fstat(n.fd, &st); err == nil && st.Uid != owner {
		err = &LinkError{owner, st.Uid}
	}
	if err != nil {
		n.close()
	}
	return n, err
}

// followProcLink follows a link in /proc, such as a link to an open file of a process. Its text need not be a
// path.
func followProcLink(dir int, name string) (node, error) {
	fd, err := retry.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC, 0)
	return node{dir: -1, fd: fd}, err
}

// openPathAt returns an O_PATH descriptor of a name in a directory. It does not follow a symbolic link.
func openPathAt(at int, name string) (int, error) {
	fd, err := retry.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	return fd, err
}

// A LinkError reports a symbolic link that is not followed, because it belongs to one user and leads to a
// file of another. It wraps fs.ErrPermission.
type LinkError struct{ Of, To uint32 }

func (e *LinkError) Error() string {
	return fmt.Sprintf("a symbolic link owned by user %d leads to a file owned by user %d", e.Of, e.To)
}

// Kind implements [fault.Error].
func (*LinkError) Kind() fault.Kind { return fault.Permission }

// Unwrap returns fs.ErrPermission.
func (e *LinkError) Unwrap() error { return fs.ErrPermission }
