package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxUsers is how many users are returned.
const maxUsers = 8

// MountUsers implements Mounts. It finds mounts and loop devices above the mount, and of every process open
// files (mnt_id in fdinfo, proc(5)), mapped files, the working directory and the root. It accesses no file of
// the mount.
func (l *Local) MountUsers(m *Mount) ([]string, error) {
	mounts, err := l.Mounts()
	if err != nil {
		return nil, err
	}
	var users []string
	for _, o := range mounts {
		if o.parent == m.id {
			users = append(users, fmt.Sprintf("mounted at %q", o.Target))
		}
	}
	loops, _ := filepath.Glob(globQuote(l.Root) + "/sys/block/loop*/loop/backing_file")
	for _, f := range loops {
		if backing, _ := os.ReadFile(f); isBelow(strings.TrimSpace(string(backing)), m.Target) {
			users = append(users, "held by "+filepath.Base(filepath.Dir(filepath.Dir(f))))
		}
	}
	processes, err := os.ReadDir(filepath.Join(l.Root, "/proc"))
	for _, p := range processes {
		pid, isNumber := strconv.Atoi(p.Name())
		if len(users) < maxUsers && isNumber == nil && l.usesMount(pid, m) {
			users = append(users, l.process(pid))
		}
	}
	return users[:min(len(users), maxUsers)], err
}

// isBelow reports whether a path is dir or below dir.
func isBelow(path, dir string) bool {
	return strings.HasPrefix(path+"/", strings.TrimSuffix(dir, "/")+"/")
}

// process returns the number and name of a process, for messages.
func (l *Local) process(pid int) string {
	name, err := os.ReadFile(filepath.Join(l.Root, "/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("process %d (%s)", pid, bytes.TrimSpace(name))
}

// usesMount reports whether a process uses a file of a mount. Paths of a process in another mount namespace
// are not compared.
func (l *Local) usesMount(pid int, m *Mount) bool {
	dir := filepath.Join(l.Root, "/proc", strconv.Itoa(pid))
	fds, _ := os.ReadDir(dir + "/fdinfo")
	for _, fd := range fds {
		info, _ := os.ReadFile(filepath.Join(dir, "fdinfo", fd.Name()))
		if slices.Contains(strings.Split(string(info), "\n"), fmt.Sprintf("mnt_id:\t%d", m.id)) {
			return true
		}
	}
	theirs, _ := os.Readlink(dir + "/ns/mnt")
	if ours, _ := os.Readlink(filepath.Join(l.Root, "/proc/self/ns/mnt")); ours != theirs {
		return false
	}
	for _, link := range []string{"cwd", "root"} {
		if path, _ := os.Readlink(filepath.Join(dir, link)); isBelow(path, m.Target) {
			return true
		}
	}
	maps, _ := os.ReadFile(dir + "/maps")
	for line := range strings.Lines(string(maps)) {
		if at := strings.IndexByte(line, '/'); at >= 0 && isBelow(strings.TrimSuffix(line[at:], "\n"), m.Target) {
			return true
		}
	}
	return false
}
