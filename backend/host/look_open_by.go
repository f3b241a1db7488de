package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// OpenBy implements Devices, by the links in /proc/PID/fd (proc(5)).
func (l *Local) OpenBy(paths ...string) []string {
	const most = 8
	var st unix.Stat_t
	devices := map[uint64]bool{}
	for _, path := range paths {
		if retry.Stat(path, &st) == nil {
			devices[st.Rdev] = true
		}
	}
	if len(devices) == 0 {
		return nil
	}
	var found []string
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	seen := map[string]bool{}
	for _, fd := range fds {
		pid := strings.Split(fd, "/")[2]
		if seen[pid] || len(found) == most || retry.Stat(fd, &st) != nil ||
			st.Mode&unix.S_IFMT != unix.S_IFBLK || !devices[st.Rdev] {
			continue
		}
		seen[pid] = true
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		found = append(found, fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(name))))
	}
	return found
}
