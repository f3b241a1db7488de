package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// FileUsers are the users of all files and block devices of this machine, as far as /proc and /sys show them.
type FileUsers struct {
	Processes map[FileID][]Process
	// Kernel has loop devices, swap and bind mounts of files, in the words of DeviceUsers, which has those of
	// block devices.
	Kernel map[FileID][]string
	Loops  map[string]FileID // the file or block device of each loop device, by its name: loop3
	Hidden int               // how many processes do not show this user what they have open
}

// A Process has a file open.
type Process struct {
	PID    int
	Name   string // of its program, which the process may change to any text
	Writes bool   // the file is open for writing
}

// FileUsers implements Files. It finds files that are open (/proc/PID/fd, proc(5)), not those that are only
// mapped into memory. This process is not among the users.
func (l *Local) FileUsers() (*FileUsers, error) {
	u := &FileUsers{Processes: map[FileID][]Process{}, Kernel: map[FileID][]string{},
		Loops: map[string]FileID{}}
	self := os.Getpid()
	l.eachProcess(func(pid int) {
		if pid == self {
			return
		}
		if err := l.addProcess(u, pid); errors.Is(err, fs.ErrPermission) {
			u.Hidden++
		}
	})
	l.addLoops(u)
	return u, errors.Join(l.addSwaps(u), l.addBindMounts(u))
}

// addProcess adds a process as a user of the files that it has open, once for each file.
func (l *Local) addProcess(u *FileUsers, pid int) error {
	open := map[FileID]bool{} // whether the file is open for writing
	err := l.eachOpenFile(pid, func(link string, id FileID) bool {
		var st unix.Stat_t // the link's permissions are those of the descriptor
		writes := retry.Lstat(link, &st) == nil && st.Mode&0o200 != 0
		open[id] = open[id] || writes
		return true
	})
	if len(open) == 0 {
		return err
	}
	name, _ := os.ReadFile(filepath.Join(l.Root, "/proc", strconv.Itoa(pid), "comm"))
	for id, writes := range open {
		u.Processes[id] = append(u.Processes[id],
			Process{pid, string(bytes.TrimSuffix(name, []byte("\n"))), writes})
	}
	return err
}

// addLoops adds loop devices. The kernel identifies the file for those who may open the device
// (LOOP_GET_STATUS64, loop(4)), and otherwise only says its path.
func (l *Local) addLoops(u *FileUsers) {
	loops, _ := filepath.Glob(globQuote(l.Root) + "/sys/block/loop*/loop/backing_file")
	for _, file := range loops {
		name := filepath.Base(filepath.Dir(filepath.Dir(file)))
		id := loopFile("/dev/" + name)
		if id == (FileID{}) {
			path, _ := os.ReadFile(file)
			id, _ = FileIDOf(strings.TrimSuffix(string(path), "\n"))
		}
		if id != (FileID{}) {
			u.Loops[name] = id
		}
		if id != (FileID{}) && !id.IsBlock {
			u.Kernel[id] = append(u.Kernel[id], "held by "+name)
		}
	}
}

// loopFile returns the identity of a loop device's file, or the zero value if the kernel does not say it.
func loopFile(device string) FileID {
	fd, err := retry.Open(device, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return FileID{}
	}
	defer unix.Close(fd)
	info, err := unix.IoctlLoopGetStatus64(fd)
	if err != nil || info.Rdevice != 0 {
		return FileID{}
	}
	return FileID{Device: info.Device, Number: info.Inode}
}

// addSwaps adds swap files (/proc/swaps, proc(5)).
func (l *Local) addSwaps(u *FileUsers) error {
	data, err := os.ReadFile(filepath.Join(l.Root, "/proc/swaps"))
	if errors.Is(err, fs.ErrNotExist) { // the kernel has no swap
		return nil
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[1] == "file" {
			if id, _ := FileIDOf(unescapeOctal(fields[0])); id != (FileID{}) {
				u.Kernel[id] = append(u.Kernel[id], "swap")
			}
		}
	}
	return err
}

// addBindMounts adds files and directories that are mounted elsewhere. A mount of a whole file system has the
// root /.
func (l *Local) addBindMounts(u *FileUsers) error {
	mounts, err := l.Mounts()
	for _, m := range mounts {
		if m.Root == "/" {
			continue
		}
		if id, _ := FileIDOf(m.Target); id != (FileID{}) {
			u.Kernel[id] = append(u.Kernel[id], fmt.Sprintf("mounted at %q", m.Target))
		}
	}
	return err
}

// unescapeOctal replaces the escapes of blanks and backslashes in the kernel's tables, such as \040.
func unescapeOctal(text string) string {
	var plain strings.Builder
	for text != "" {
		if text[0] == '\\' && len(text) >= 4 {
			if n, err := strconv.ParseUint(text[1:4], 8, 8); err == nil {
				plain.WriteByte(byte(n))
				text = text[4:]
				continue
			}
		}
		plain.WriteByte(text[0])
		text = text[1:]
	}
	return plain.String()
}
