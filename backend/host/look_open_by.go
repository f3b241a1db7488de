package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpenBy implements Devices, by the links in /proc/PID/fd (proc(5)).
func (l *Local) OpenBy(paths ...string) []string {
	const most = 8
	devices := map[FileID]bool{}
	for _, path := range paths {
		if id, _ := FileIDOf(path); id.IsBlock {
			devices[id] = true
		}
	}
	if len(devices) == 0 {
		return nil
	}
	var found []string
	l.eachProcess(func(pid int) {
		if len(found) == most {
			return
		}
		_ = l.eachOpenFile(pid, func(_ string, id FileID) bool {
			if devices[id] {
				found = append(found, l.process(pid))
			}
			return !devices[id]
		})
	})
	return found
}

// eachProcess calls visit for the number of each process.
func (l *Local) eachProcess(visit func(pid int)) {
	processes, _ := os.ReadDir(filepath.Join(l.Root, "/proc"))
	for _, p := range processes {
		if pid, err := strconv.Atoi(p.Name()); err == nil {
			visit(pid)
		}
	}
}

// eachOpenFile calls visit for each file and block device that a process has open, until visit returns false.
// link is the link in /proc/PID/fd.
func (l *Local) eachOpenFile(pid int, visit func(link string, id FileID) bool) error {
	dir := filepath.Join(l.Root, fmt.Sprintf("/proc/%d/fd", pid))
	fds, err := os.ReadDir(dir)
	for _, fd := range fds {
		link := filepath.Join(dir, fd.Name())
		if id := fileID(unix.AT_FDCWD, link, nil); id != (FileID{}) && !visit(link, id) {
			break
		}
	}
	return err
}
