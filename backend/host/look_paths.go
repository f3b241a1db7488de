package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/format/lazy"
)

// Stat implements Files.
func (l *Local) Stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if dangling := safeopen.FindDangling(path); dangling != nil {
			return nil, dangling
		}
	}
	return info, err
}

// IsOwner reports whether a file belongs to a user.
func IsOwner(info fs.FileInfo, uid uint32) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Uid == uid
}

// Glob implements Files.
func (l *Local) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// Space implements Files, by statfs(2).
func (l *Local) Space(path string) (Space, error) {
	var st unix.Statfs_t
	if err := retry.Statfs(path, &st); err != nil {
		return Space{}, safeopen.PathError("statfs", path, err)
	}
	unit := uint64(st.Frsize)
	return Space{Total: unit * st.Blocks, Free: unit * st.Bfree, Files: st.Files, FilesFree: st.Ffree}, nil
}

// Mounted implements Mounts.
func (l *Local) Mounted(path string) (bool, error) {
	mounted, err := mountinfo.Mounted(l.Canonical(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return mounted, err
}

// OnBtrfs implements Files.
func (l *Local) OnBtrfs(path string) (bool, error) {
	var st unix.Statfs_t
	err := retry.Statfs(path, &st)
	if errors.Is(err, unix.ENOENT) && path != "/" {
		return l.OnBtrfs(filepath.Dir(path))
	}
	return st.Type == unix.BTRFS_SUPER_MAGIC, safeopen.PathError("statfs", path, err)
}

// Canonical implements Files. It finds a device that is named by a tag, as in fstab(5), by udev's links.
func (l *Local) Canonical(path string) string {
	if tag, value, ok := strings.Cut(path, "="); ok && tagLinks[tag] != "" {
		path = filepath.Join(tagLinks[tag], value)
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return filepath.Clean(path)
}

// tagLinks maps a tag to the directory where udev keeps a link for each value.
var tagLinks = map[string]string{
	"UUID": "/dev/disk/by-uuid", "LABEL": "/dev/disk/by-label",
	"PARTUUID": "/dev/disk/by-partuuid", "PARTLABEL": "/dev/disk/by-partlabel",
}

var hostDir = lazy.Regexp(`^host(\d+)$`)

// FCHost implements Devices, by node_name and port_name in /sys/class/fc_host (the kernel's
// scsi_transport_fc). The directory of a virtual port is below its parent's:
// .../host5/vport-5:0-0/host6/fc_host/host6.
func (l *Local) FCHost(wwnn, wwpn string) (number, parent int, ok bool) {
	class := filepath.Join(l.Root, "/sys/class/fc_host")
	entries, _ := os.ReadDir(class)
	for _, e := range entries {
		dir := filepath.Join(class, e.Name())
		if !sameWWN(dir+"/node_name", wwnn) || !sameWWN(dir+"/port_name", wwpn) {
			continue
		}
		device := strings.TrimPrefix(l.Canonical(dir), l.Root)
		parent, previous := -1, -1
		for part := range strings.SplitSeq(filepath.Dir(device), "/") {
			if m := hostDir().FindStringSubmatch(part); m != nil {
				parent = previous
				previous, _ = strconv.Atoi(m[1])
			}
		}
		number, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "host"))
		return number, parent, err == nil
	}
	return 0, -1, false
}

func sameWWN(file, wwn string) bool {
	data, err := os.ReadFile(file)
	plain := func(s string) string { return strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "0x") }
	return err == nil && plain(string(data)) == plain(wwn)
}
