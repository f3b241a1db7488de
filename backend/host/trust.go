package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// trust returns an error if the name by which a file is held leads there by a symbolic link of somebody else than root or us:
// he could lead us to a file that he may not write to. Links to directories on the way are not looked at.
func (h *Held) trust(dir int, name string) error {
	if !h.IsLink() {
		return nil
	}
	for range 40 { // more the kernel does not follow either
		var st unix.Stat_t
		target, err := readLink(dir, name, &st)
		switch {
		case err != nil:
			return pathError("open", h.Path, err)
		case st.Mode&unix.S_IFMT != unix.S_IFLNK && (st.Dev != h.Dev || st.Ino != h.Ino):
			return fmt.Errorf("%q leads elsewhere now: %w", h.Path, fs.ErrPermission)
		case st.Mode&unix.S_IFMT == unix.S_IFLNK && st.Uid != 0 && int(st.Uid) != os.Geteuid():
			return fmt.Errorf("%q is a symbolic link of user %d, who could lead us anywhere: %w", h.Path, st.Uid, fs.ErrPermission)
		case target == "":
			return nil
		case filepath.IsAbs(target):
			name = target
		default: // not filepath.Join: .. is where the kernel says
			name = name[:strings.LastIndexByte(name, '/')+1] + target
		}
	}
	return pathError("open", h.Path, unix.ELOOP)
}

// readLink looks at what has a name, and returns where it leads, if it is a link that one can follow: not those of /proc to what
// a process has open.
func readLink(dir int, name string, st *unix.Stat_t) (string, error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var on unix.Statfs_t
	if err := unix.Fstat(fd, st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", err
	}
	if err := unix.Fstatfs(fd, &on); err != nil || on.Type == unix.PROC_SUPER_MAGIC {
		return "", err
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", target)
	return string(target[:max(n, 0)]), err
}
