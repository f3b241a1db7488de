package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// Sys implements Prober.
func (l *Local) Sys() fs.FS {
	root := filepath.Join(l.Root, "/sys")
	return sysTree{os.DirFS(root), root}
}

// A sysTree is a directory of which small files are read with as few system calls as can be: there are thousands where there are many disks.
type sysTree struct {
	fs.FS
	root string
}

// ReadFile implements fs.ReadFileFS. The kernel tells a file of /sys, which is no longer than a page, at the first read.
func (s sysTree) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, safeopen.PathError("open", name, fs.ErrInvalid)
	}
	var fd, n int
	fd, err := retry.Open(s.root+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, safeopen.PathError("open", name, err)
	}
	defer unix.Close(fd)
	data := make([]byte, 4096)
	n, err = retry.Read(fd, data)
	return data[:max(n, 0)], safeopen.PathError("read", name, err)
}

// ReadLink implements fs.ReadLinkFS.
func (s sysTree) ReadLink(name string) (string, error) { return fs.ReadLink(s.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (s sysTree) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(s.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (s sysTree) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(s.FS, name) }

// Stat implements fs.StatFS.
func (s sysTree) Stat(name string) (fs.FileInfo, error) { return fs.Stat(s.FS, name) }

// ReadSys returns what a file of /sys says, without the blanks around it: the kernel pads what disks say of themselves. It is empty if
// there is no such file, or none that can be read now.
func ReadSys(sys fs.FS, name ...string) string {
	data, _ := fs.ReadFile(sys, path.Join(name...))
	return strings.Trim(string(data), " \n\x00")
}

// WriteSys tells the kernel something by a file of /sys, which takes it as one write.
type WriteSys struct {
	Path string // below /sys
	Text string
}

// Shell implements Step.
func (w WriteSys) Shell() string { return "echo " + Quote(w.Text) + " >" + Quote("/sys/"+w.Path) }

func (w WriteSys) apply(_ context.Context, l *Local) error {
	f, err := os.OpenFile(filepath.Join(l.Root, "/sys", w.Path), os.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(w.Text + "\n")
	return err
}

// ScanSCSI has a SCSI host look for units that have come, and for new sizes of those that are known. The kernel keeps units that have gone.
type ScanSCSI struct{ Host int }

// Shell implements Step.
func (s ScanSCSI) Shell() string {
	return fmt.Sprintf("for unit in /sys/bus/scsi/devices/%d:*/rescan; do echo 1 >$unit; done; echo '- - -' >/sys/%s", s.Host, s.scan())
}

func (s ScanSCSI) scan() string { return fmt.Sprintf("class/scsi_host/host%d/scan", s.Host) }

// apply goes on where a unit cannot be asked: it may have gone, which is no reason not to look for others.
func (s ScanSCSI) apply(ctx context.Context, l *Local) error {
	units, err := fs.Glob(l.Sys(), fmt.Sprintf("bus/scsi/devices/%d:*/rescan", s.Host))
	if err != nil {
		return err
	}
	for _, u := range units {
		_ = WriteSys{u, "1"}.apply(ctx, l)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return WriteSys{s.scan(), "- - -"}.apply(ctx, l)
}

// DeviceLinks implements Prober. udev's links lead to a node in /dev itself, which has the kernel's name: there is no need to go there.
func (l *Local) DeviceLinks(dir string) (map[string][]string, error) {
	entries, err := os.ReadDir(dir)
	links := map[string][]string{}
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink {
			continue
		}
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			links[filepath.Base(target)] = append(links[filepath.Base(target)], e.Name())
		}
	}
	return links, err
}
