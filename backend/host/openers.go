package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Openers names the processes that have a block device open (proc(5), fd), a few of them. Those of others are seen by root only.
func Openers(path string) []string {
	const most = 8
	var device, st unix.Stat_t
	if err := unix.Stat(path, &device); err != nil {
		return nil
	}
	var found []string
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	seen := map[string]bool{}
	for _, fd := range fds {
		pid := strings.Split(fd, "/")[2]
		if seen[pid] || len(found) == most || unix.Stat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK || st.Rdev != device.Rdev {
			continue
		}
		seen[pid] = true
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		found = append(found, fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(name))))
	}
	return found
}
