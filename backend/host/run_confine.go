package host

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/format/lazy"
)

// A Confinement lists what a program may access that reads data written by a guest, in case the guest takes
// the program over: installed programs and libraries, the descriptors that it inherits, and what the fields
// allow. On a kernel without Landlock (before 5.13, or not enabled) it restricts only network access.
type Confinement struct {
	InDir   bool // it may create and write files in its working directory
	Network bool // it may connect to servers, and read /etc to find them
	// Read lists files and directories that it may read.
	Read []string
}

// The rights of landlock(7) in its first, second and third version. Rights to ioctl(2) of devices and to the
// network are not restricted.
const (
	landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockRead = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockFirst = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
)

// landlockRights returns all rights that the running kernel can restrict, or 0 without Landlock.
func landlockRights() uint64 {
	version, _, errno := unix.Syscall(
		unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno != 0 || version < 1:
		return 0
	case version == 1:
		return landlockFirst
	case version == 2:
		return landlockFirst | unix.LANDLOCK_ACCESS_FS_REFER
	}
	return landlockFirst | unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE
}

// programDirs contains programs and their libraries.
var programDirs = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix/store", "/gnu/store",
	"/etc/ld.so.cache", "/etc/ld.so.preload",
}

// harmlessDevices may be used by any program.
var harmlessDevices = []string{"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}

// confine confines the calling thread, and so the program tool that the thread starts. The confinement cannot
// be removed, so the thread must not be used for anything else. The program may reopen the files in given for
// reading, and those in writable also for writing.
func confine(c *Confinement, tool, dir string, given, writable []*os.File) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if !c.Network {
		if err := installFilter(denySockets); err != nil {
			return err
		}
	}
	rights := landlockRights()
	if rights == 0 {
		return nil
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: rights}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), 8, 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	set := ruleset{fd: int(fd), rights: rights}
	paths := append([]string{tool, filepath.Dir(tool)}, programDirs...) // tool may be a symbolic link
	if c.Network {
		paths = append(paths, "/etc", "/run/systemd/resolve")
		paths = append(paths, cephConfigPaths()...)
	}
	for _, path := range append(paths, c.Read...) {
		set.allowPath(path, landlockRead)
	}
	for _, path := range harmlessDevices {
		set.allowPath(path, landlockFile)
	}
	if c.InDir {
		set.allowPath(dir, rights)
	}
	for _, f := range given {
		set.allow(int(f.Fd()), unix.LANDLOCK_ACCESS_FS_READ_FILE)
	}
	for _, f := range writable {
		set.allow(int(f.Fd()), landlockFile)
	}
	return set.restrict()
}

// cephConfigPaths returns the files and directories named in this machine's Ceph configuration, because any
// of them may contain keys.
func cephConfigPaths() (paths []string) {
	text, _ := os.ReadFile("/etc/ceph/ceph.conf")
	for _, value := range absolutePath().FindAllSubmatch(text, -1) {
		path, _, varies := strings.Cut(string(value[1]), "$") // as in keyring = /keys/$cluster.$name.keyring
		if varies {
			path = filepath.Dir(path)
		}
		paths = append(paths, path)
	}
	return paths
}

var absolutePath = lazy.Regexp(`(?m)=[ \t]*(/[^\s,;#]+)`)

// A ruleset restricts rights, and allows some of them below certain paths.
type ruleset struct {
	fd     int
	rights uint64
	err    error // the first error
}

// allowPath allows rights below a path. A path that does not exist is ignored.
func (r *ruleset) allowPath(path string, rights uint64) {
	fd, err := retry.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	r.allow(fd, rights)
}

// allow allows rights below an open file or directory. For a file, it allows only the rights that apply to
// files.
func (r *ruleset) allow(fd int, rights uint64) {
	var st unix.Stat_t
	if err := retry.Fstat(fd, &st); err != nil {
		r.err = cmp.Or(r.err, err)
		return
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landlockFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	// EBADFD: a pipe or the like, through which nothing can be opened (landlock_add_rule(2)).
	if errno != 0 && errno != unix.EBADFD {
		r.err = cmp.Or(r.err, os.NewSyscallError("landlock_add_rule", errno))
	}
}

// restrict applies the ruleset to the calling thread.
func (r *ruleset) restrict() error {
	if r.err != nil {
		return r.err
	}
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(r.fd), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_restrict_self", errno)
	}
	return nil
}
