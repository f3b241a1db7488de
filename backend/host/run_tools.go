package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"poolctl/backend/fault"
)

// toolPath contains the directories that are searched after PATH, because cron's PATH, for example, has no
// sbin.
var toolPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// environment returns the environment of every program, with the given variables of poolctl's own. It
// disables libblkid's cache, which reports devices as they were seconds ago.
func environment(inherited ...string) []string {
	all := []string{"BLKID_FILE=/dev/null", "LC_ALL=C", "PATH=" + strings.Join(toolPath, ":")}
	for _, name := range inherited {
		if value, set := os.LookupEnv(name); set {
			all = append(all, name+"="+value)
		}
	}
	return all
}

// lookTool finds a program: in PATH, so that an administrator can substitute another one, then in toolPath.
func lookTool(name string) (string, error) {
	if filepath.IsAbs(name) {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return "", &ToolError{Tool: name}
		}
		return name, nil
	}
	if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	for _, dir := range toolPath {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &ToolError{Tool: name}
}

// FindTool returns a ToolError if a program is not installed.
func FindTool(name string) error {
	_, err := lookTool(name)
	return err
}

// packages maps a tool to its Debian package.
var packages = map[string]string{
	"qemu-img": "qemu-utils", "scrub": "scrub", "wipefs": "util-linux", "findfs": "util-linux",
	"mkfs.ext2": "e2fsprogs", "mkfs.ext3": "e2fsprogs", "mkfs.ext4": "e2fsprogs",
	"mkfs.xfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs",
	"mkfs.vfat": "dosfstools", "mkfs.udf": "udftools", "mkfs.gfs2": "gfs2-utils", "mkfs.ocfs2": "ocfs2-tools",
	"mount.nfs": "nfs-common", "mount.cifs": "cifs-utils", "showmount": "nfs-common",
	"mount.glusterfs": "glusterfs-client", "glusterfs": "glusterfs-client", "gluster": "glusterfs-cli",
	"lvs": "lvm2", "vgs": "lvm2", "pvs": "lvm2", "lvcreate": "lvm2", "lvremove": "lvm2",
	"lvrename": "lvm2", "lvextend": "lvm2", "lvreduce": "lvm2",
	"vgcreate": "lvm2", "vgremove": "lvm2", "vgchange": "lvm2", "pvremove": "lvm2",
	"parted": "parted", "addpart": "util-linux", "delpart": "util-linux",
	"dmsetup": "dmsetup", "udevadm": "udev", "systemd-creds": "systemd",
	"block-rbd.so": "qemu-block-extra", "rbd": "ceph-common", "rados": "ceph-common", "ceph": "ceph-common",
	"iscsiadm": "open-iscsi", "multipathd": "multipath-tools", "modprobe": "kmod",
	"curl": "curl", "gpgv": "gpgv", "gzip": "gzip", "bzip2": "bzip2", "xz": "xz-utils", "zstd": "zstd",
	"zfs": "zfsutils-linux", "zpool": "zfsutils-linux",
}

// A ToolError reports that a program is not installed.
type ToolError struct{ Tool string }

func (e *ToolError) Error() string { return fmt.Sprintf("the program %s is not installed", e.Tool) }

// Kind implements [fault.Error].
func (*ToolError) Kind() fault.Kind { return fault.Unsupported }

// HintLine implements [fault.Hinter].
func (e *ToolError) HintLine() string {
	if e.Package() == "" {
		return ""
	}
	return "apt-get install " + e.Package()
}

// Package returns the Debian package that contains the program, or "" if that is not known.
func (e *ToolError) Package() string { return packages[e.Tool] }
