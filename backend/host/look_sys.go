package host

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// Sys implements Devices.
func (l *Local) Sys() fs.FS {
	root := filepath.Join(l.Root, "/sys")
	return sysTree{os.DirFS(root), root + "/", unix.AT_FDCWD}
}

// Proc implements Devices.
func (l *Local) Proc() fs.FS { return os.DirFS(filepath.Join(l.Root, "/proc")) }

// A sysTree is a directory tree whose small files are read with few system calls, because a machine with many
// disks has thousands of them.
type sysTree struct {
	fs.FS
	root string // the path of the tree's root from dir; empty, or with a slash at its end
	dir  int    // an open directory
}

// OpenSysDir returns a directory of /sys as a tree. The kernel finds its files from the open directory, which
// takes half the time if there are hundreds of them. The caller calls done when it has read them.
func OpenSysDir(tree fs.FS, dir string) (files fs.FS, done func()) {
	files, _ = fs.Sub(tree, dir) // it fails only for a path that no device has
	if local, ok := tree.(sysTree); ok {
		fd, err := retry.Open(local.root+dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil {
			return sysTree{files, "", fd}, func() { unix.Close(fd) }
		}
	}
	return files, func() {}
}

// ReadFile implements fs.ReadFileFS. The kernel returns a file of /sys, which is at most a page, in the first
// read.
func (s sysTree) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, safeopen.PathError("open", name, fs.ErrInvalid)
	}
	var fd, n int
	fd, err := retry.Openat(s.dir, s.root+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, safeopen.PathError("open", name, err)
	}
	defer unix.Close(fd)
	page := sysPages.Get().(*[4096]byte)
	defer sysPages.Put(page)
	n, err = retry.Read(fd, page[:])
	return bytes.Clone(page[:max(n, 0)]), safeopen.PathError("read", name, err)
}

// sysPages keeps the memory that files are read into: most of them are a few bytes, and a page for each would
// be new memory.
var sysPages = sync.Pool{New: func() any { return new([4096]byte) }}

// ReadLink implements fs.ReadLinkFS.
func (s sysTree) ReadLink(name string) (string, error) { return fs.ReadLink(s.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (s sysTree) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(s.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (s sysTree) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(s.FS, name) }

// Stat implements fs.StatFS.
func (s sysTree) Stat(name string) (fs.FileInfo, error) { return fs.Stat(s.FS, name) }

// ReadSys returns the content of a file of /sys or /proc without surrounding blanks: the kernel pads the
// texts of disks. It returns "" if the file does not exist or cannot be read now.
func ReadSys(tree fs.FS, name ...string) string {
	data, _ := fs.ReadFile(tree, path.Join(name...))
	return strings.Trim(string(data), " \n\x00")
}

// DeviceLinks implements Devices. udev's links lead to nodes in /dev, which have the kernel's names, so that
// the nodes need not be inspected.
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
