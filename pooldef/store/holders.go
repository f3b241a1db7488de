package store

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/format"
)

// findHolders returns the processes that hold a lock on a file, as the kernel lists them (proc(5),
// /proc/locks).
func findHolders(path string) []string {
	file, err := lockedFile(path)
	if err != nil {
		return nil
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return nil
	}
	defer locks.Close()
	return holdersOf(file, locks)
}

// lockedFile returns a file as /proc/locks names it: MAJOR:MINOR:INODE, the device numbers in hexadecimal.
// The device is the mounted file system's. stat(2) reports another one on btrfs and overlayfs.
func lockedFile(path string) (string, error) {
	var st unix.Statx_t
	const fields = unix.STATX_INO | unix.STATX_MNT_ID // Linux 5.8
	if err := retry.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, fields, &st); err != nil {
		return "", err
	}
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		is := uint64(m.ID) == st.Mnt_id
		return !is, is
	})
	if err != nil || len(mounts) == 0 {
		return "", fmt.Errorf("no mount has the number %d: %w", st.Mnt_id, err)
	}
	return fmt.Sprintf("%02x:%02x:%d", mounts[0].Major, mounts[0].Minor, st.Ino), nil
}

// holdersOf returns the processes that hold a lock on a file, according to the lines of /proc/locks. A lock
// that changes during the read may be listed twice; each process is returned once.
func holdersOf(file string, locks io.Reader) []string {
	var found []string
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		// 1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || fields[1] != "FLOCK" || fields[5] != file {
			continue
		}
		command, _ := os.ReadFile("/proc/" + fields[4] + "/cmdline")
		words := bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '})
		holder := strings.TrimSpace(fmt.Sprintf("%s (pid %s)", format.Printable(string(words)), fields[4]))
		if !slices.Contains(found, holder) {
			found = append(found, holder)
		}
	}
	return found
}
