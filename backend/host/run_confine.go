package host

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// A Confinement is what a program may reach that reads what a guest has written, should the guest ever take it over: what is
// installed, the descriptors that it is given, and what is named here. A kernel without Landlock (before 5.13, or not enabled)
// keeps it only from the network.
type Confinement struct {
	InDir   bool // it may make and write files in the directory that it runs in
	Network bool // it may connect to servers, and read /etc to find them
}

// The rights of landlock(7) that its first, second and third version know. Those of devices' ioctl(2) and of the network stay.
const (
	landlockFile  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockFirst = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
)

// landlockRights returns all rights that the running kernel can withhold, 0 if it can none.
func landlockRights() uint64 {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
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

// installed is where programs and their libraries are.
var programDirs = []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix/store", "/gnu/store", "/etc/ld.so.cache", "/etc/ld.so.preload"}

// devices that any program may use.
var harmlessDevices = []string{"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}

// confine confines the thread that calls it, and so the program tool that it starts: for ever, so the thread must not be used
// for anything else. given are the files that the program may open anew, those in writable for writing, too.
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
	paths := append([]string{tool, filepath.Dir(tool)}, programDirs...) // the tool may be a link
	if c.Network {
		paths = append(paths, "/etc", "/run/systemd/resolve")
		paths = append(paths, cephConfigPaths()...)
	}
	for _, path := range paths {
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

// cephConfigPaths returns the files and directories that this machine's configuration of Ceph names: keys may be in any.
func cephConfigPaths() (paths []string) {
	text, _ := os.ReadFile("/etc/ceph/ceph.conf")
	for _, value := range absolutePath.FindAllSubmatch(text, -1) {
		path, _, varies := strings.Cut(string(value[1]), "$") // as in keyring = /keys/$cluster.$name.keyring
		if varies {
			path = filepath.Dir(path)
		}
		paths = append(paths, path)
	}
	return paths
}

var absolutePath = regexp.MustCompile(`(?m)=[ \t]*(/[^\s,;#]+)`)

// A ruleset says what is allowed, of the rights that it withholds.
type ruleset struct {
	fd     int
	rights uint64
	err    error // the first that there was
}

// allowPath allows some rights below a path. What is not there needs none.
func (r *ruleset) allowPath(path string, rights uint64) {
	fd, err := retry.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	r.allow(fd, rights)
}

// allow allows some rights below what is open. A file has but those of files.
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
	if errno != 0 && errno != unix.EBADFD { // nothing can be opened by a pipe or the like (landlock_add_rule(2))
		r.err = cmp.Or(r.err, os.NewSyscallError("landlock_add_rule", errno))
	}
}

// restrict keeps the calling thread to what is allowed.
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
