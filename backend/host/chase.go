package host

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/fault"
)

// A node is what a path leads to, and the directory that has it. Both are held by descriptors that open nothing (O_PATH, open(2)).
type node struct {
	dir  int    // -1 if there is no such directory: of / and .., and of the kernel's own links in /proc
	name string // in dir, where it is no symbolic link
	fd   int
}

func (n node) close() {
	for _, fd := range []int{n.dir, n.fd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// chase finds what a path leads to, from one directory to the next, each by its descriptor: nobody can exchange one on the way.
//
// A symbolic link of root's or our own may lead anywhere. One of another user may lead only to what is his own, too: he could lead us
// to what he must not read or write. Everything else is a LinkError. (systemd's rule, CHASE_SAFE in its src/basic/chase.h.)
//
// A relative path begins at the directory at.
func chase(at int, path string) (node, error) {
	c := chaser{links: maxLinks}
	n, err := c.walk(at, path)
	if err != nil {
		return n, pathError("open", path, err)
	}
	return n, nil
}

// maxLinks is how many links there may be on a path. The kernel follows no more (path_resolution(7)).
const maxLinks = 40

// A chaser is on its way along a path.
type chaser struct {
	links   int  // that may still come
	guarded bool // only through directories that others cannot change
}

// walk follows a path from a directory on.
func (c *chaser) walk(at int, path string) (node, error) {
	start := "."
	if strings.HasPrefix(path, "/") {
		start = "/"
	}
	fd, err := openPath(at, start)
	n := node{dir: -1, fd: fd}
	for name := range strings.SplitSeq(path, "/") {
		if err != nil {
			break
		}
		if name != "" && name != "." {
			n, err = c.step(n, name)
		} else if n.dir >= 0 { // what is followed by a slash is a directory
			err = retry.Faccessat(n.fd, ".", unix.F_OK, 0)
		}
	}
	if err != nil {
		n.close()
		return node{-1, "", -1}, err
	}
	return n, nil
}

// step goes on to a name in the directory n, which is closed, or returned if there is an error.
func (c *chaser) step(n node, name string) (node, error) {
	fd, err := openPath(n.fd, name)
	if err != nil {
		return n, err
	}
	var st unix.Stat_t
	if err = retry.Fstat(fd, &st); err == nil && c.guarded {
		err = guard(n.fd, &st)
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
	to, err := c.link(n.fd, name, fd, st.Uid)
	if err == nil {
		n.close()
		n = to
	}
	return n, err
}

// link follows a symbolic link of a user, which is held and has a name in a directory.
func (c *chaser) link(dir int, name string, fd int, of uint32) (node, error) {
	if c.links--; c.links < 0 {
		return node{}, unix.ELOOP
	}
	var on unix.Statfs_t
	if err := retry.Fstatfs(dir, &on); err != nil { // not the link's, which GlusterFS does not tell
		return node{}, err
	}
	if on.Type == unix.PROC_SUPER_MAGIC {
		return kernelsLink(dir, name)
	}
	target := make([]byte, unix.PathMax)
	size, err := retry.Readlinkat(fd, "", target)
	if err != nil {
		return node{}, err
	}
	n, err := c.walk(dir, string(target[:size]))
	if err != nil || of == 0 || int(of) == os.Geteuid() {
		return n, err
	}
	var st unix.Stat_t
	if err = retry.Fstat(n.fd, &st); err == nil && st.Uid != of {
		err = &LinkError{of, st.Uid}
	}
	if err != nil {
		n.close()
	}
	return n, err
}

// kernelsLink follows a link of /proc, such as those to what a process has open, which no path leads to.
func kernelsLink(dir int, name string) (node, error) {
	fd, err := retry.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC, 0)
	return node{dir: -1, fd: fd}, err
}

// openPath holds a name in a directory; a symbolic link itself.
func openPath(at int, name string) (int, error) {
	fd, err := retry.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	return fd, err
}

// A LinkError tells that a symbolic link is not followed, as it is another user's and leads to what is not his. It wraps fs.ErrPermission.
type LinkError struct{ Of, To uint32 }

func (e *LinkError) Error() string {
	return fmt.Sprintf("a symbolic link of user %d leads to what belongs to user %d", e.Of, e.To)
}

// Kind implements [fault.Error].
func (*LinkError) Kind() fault.Kind { return fault.Permission }

// Unwrap makes it fs.ErrPermission.
func (e *LinkError) Unwrap() error { return fs.ErrPermission }
