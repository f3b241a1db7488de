package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// A blockDevice is a disk or partition.
type blockDevice struct {
	name   string // sda1, dm-3
	number string // MAJOR:MINOR
	dir    string // in /sys
}

// DeviceUsers implements Devices. It reads the mount table, /proc/swaps and the holders in /sys/dev/block
// (the kernel's Documentation/ABI/stable/sysfs-block). Last it tries to open the device exclusively (O_EXCL,
// open(2)), which also detects users in other mount namespaces.
func (l *Local) DeviceUsers(path string) ([]string, error) {
	number, err := l.DeviceNumber(path)
	if err != nil {
		return nil, err
	}
	devices, err := l.family(number)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, find := range []func(blockDevice) ([]string, error){l.mountsOf, l.swapsOf, l.holdersOf, l.loopsOf} {
		for i, d := range devices {
			found, err := find(d)
			if err != nil {
				return nil, err
			}
			for _, user := range found {
				if i > 0 {
					user = "/dev/" + d.name + ": " + user
				}
				users = append(users, user)
			}
		}
	}
	if len(users) > 0 || isBlocked(devices[0]) {
		return users, nil
	}
	return checkExclusive(path)
}

// isBlocked reports whether a SCSI device does not respond, such as one whose server is gone. Opening it
// would block (the kernel's Documentation/ABI/stable/sysfs-bus-scsi and scsi_device's states).
func isBlocked(d blockDevice) bool {
	state, _ := os.ReadFile(d.dir + "/device/state")
	return strings.HasPrefix(string(state), "blocked") || strings.HasPrefix(string(state), "transport-offline")
}

// DeviceNumber implements Devices.
func (l *Local) DeviceNumber(path string) (string, error) {
	var st unix.Stat_t
	if err := retry.Stat(path, &st); err != nil {
		return "", safeopen.PathError("stat", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", fmt.Errorf("%q is not a block device", path)
	}
	return fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)), nil
}

// family returns a device, its partitions, and the disk that contains it.
func (l *Local) family(number string) ([]blockDevice, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(l.Root, "/sys/dev/block", number))
	if err != nil {
		return nil, err
	}
	devices := []blockDevice{{filepath.Base(dir), number, dir}}
	relatives, err := filepath.Glob(globQuote(dir) + "/*/partition")
	if _, notPartition := os.Stat(dir + "/partition"); notPartition == nil {
		relatives = append(relatives, filepath.Dir(dir)+"/partition")
	}
	for _, r := range relatives {
		number, err := os.ReadFile(filepath.Dir(r) + "/dev")
		if err != nil {
			return nil, err
		}
		dir := filepath.Dir(r)
		devices = append(devices, blockDevice{filepath.Base(dir), strings.TrimSpace(string(number)), dir})
	}
	return devices, err
}

func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// mountsOf returns where a device is mounted. btrfs shows a device only as the source of a mount.
func (l *Local) mountsOf(d blockDevice) ([]string, error) {
	mounts, err := l.Mounts()
	var users []string
	for _, m := range mounts {
		if m.Number == d.number || l.sameDevice(m.Source, d.number) {
			users = append(users, fmt.Sprintf("mounted at %q", m.Target))
		}
	}
	return users, err
}

// sameDevice reports whether path is the block device with a number. It returns false for a text that is no
// path.
func (l *Local) sameDevice(path, number string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	n, err := l.DeviceNumber(path)
	return err == nil && n == number
}

func (l *Local) swapsOf(d blockDevice) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(l.Root, "/proc/swaps"))
	if errors.Is(err, os.ErrNotExist) { // the kernel has no swap
		return nil, nil
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[1] == "partition" && l.sameDevice(fields[0], d.number) {
			return []string{"swap"}, err
		}
	}
	return nil, err
}

func (l *Local) holdersOf(d blockDevice) ([]string, error) {
	entries, err := os.ReadDir(d.dir + "/holders")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var users []string
	for _, e := range entries {
		user := "held by " + e.Name()
		name, err := os.ReadFile(filepath.Join(d.dir, "holders", e.Name(), "dm/name"))
		if err == nil {
			user += " (" + strings.TrimSpace(string(name)) + ")"
		}
		users = append(users, user)
	}
	return users, err
}

// loopsOf returns the loop devices whose backing file is the device.
func (l *Local) loopsOf(d blockDevice) ([]string, error) {
	files, err := filepath.Glob(globQuote(l.Root) + "/sys/block/loop*/loop/backing_file")
	var users []string
	for _, f := range files {
		backing, _ := os.ReadFile(f)
		if l.sameDevice(strings.TrimSuffix(string(backing), "\n"), d.number) {
			users = append(users, "held by "+filepath.Base(filepath.Dir(filepath.Dir(f))))
		}
	}
	return users, err
}

// checkExclusive tries to open a device exclusively, and returns an unknown user if that is not possible. It
// tries again for half a second, because other processes that do so may have the device open for a moment.
func checkExclusive(path string) ([]string, error) {
	for left := 10; ; left-- {
		fd, err := retry.Open(path, unix.O_RDONLY|unix.O_EXCL|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			unix.Close(fd)
			return nil, nil
		case !errors.Is(err, unix.EBUSY):
			return nil, safeopen.PathError("open", path, err)
		case left == 0:
			return []string{"in use, the kernel does not say by whom"}, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}
