// Package filevol manages volumes that are files in one directory, for pools of type dir, fs, netfs and
// vstorage, and, over a private mount, for gluster.
//
// [Files] has all operations on volumes. [Mounted] adds pools whose start mounts a source at the directory,
// [Remote] pools whose source is on a server. A backend embeds one of them and thereby has its capabilities.
//
// Directories may be writable by other users. Each operation therefore opens the pool's directory once and
// works relative to that handle. New volumes are created in a staging directory in the pool and renamed to
// their names when complete.
package filevol

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// Files manages the files in a pool's target directory. A backend that embeds Files has the capabilities that
// its methods implement.
type Files struct {
	Host    host.Host
	Secrets backend.Secrets
	Mounts  bool // starting a pool mounts its directory; until then it cannot be used
	// Confined makes links out of the directory's file system dead. Mounts implies Confined, because a
	// mounted file system may contain any link.
	Confined bool
}

// Active implements backend.Backend. A pool is active if its directory exists and is a mount point where the
// definition requires that.
func (f Files) Active(_ context.Context, p *pooldef.Pool) (bool, error) {
	err := f.checkReady(p)
	if _, ok := errors.AsType[*backend.NotReadyError](err); ok {
		return false, nil
	}
	return err == nil, err
}

// openPoolDir opens the pool's directory if it can be used. All operations work relative to the handle, which
// the caller closes.
func (f Files) openPoolDir(p *pooldef.Pool) (*host.Dir, error) {
	dir, err := f.Host.OpenDir(p.Target.Path, f.Confined || f.Mounts)
	if err != nil {
		return nil, cmp.Or(f.checkReady(p), err)
	}
	if !p.MountPoint && !f.Mounts {
		return dir, nil
	}
	mounted, err := dir.IsMounted()
	if err == nil && !mounted {
		err = f.notMounted(p)
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

func (f Files) notMounted(p *pooldef.Pool) error {
	return &backend.NotReadyError{Pool: p.Name, Path: p.Target.Path, Start: f.Mounts}
}

// stat inspects the pool's directory, or one above it. If a symbolic link leads to nothing, the error is a
// backend.NotReadyError: the pool can neither be used, nor built, nor deleted there.
func (f Files) stat(p *pooldef.Pool, path string) (fs.FileInfo, error) {
	info, err := f.Host.Stat(path)
	if link, ok := errors.AsType[*safeopen.DanglingError](err); ok {
		err = &backend.NotReadyError{Pool: p.Name, Path: path, Link: link}
	}
	return info, err
}

// checkReady returns an error if the pool's directory cannot be used.
func (f Files) checkReady(p *pooldef.Pool) error {
	info, err := f.stat(p, p.Target.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &backend.NotReadyError{Pool: p.Name, Path: p.Target.Path, Build: true}
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%q is not a directory", p.Target.Path)
	case !p.MountPoint && !f.Mounts:
		return nil
	}
	mounted, err := f.Host.Mounted(p.Target.Path)
	if err == nil && !mounted {
		err = f.notMounted(p)
	}
	return err
}

// Space implements backend.Backend with the figures of the file system. Like libvirt, it counts the blocks
// reserved for root as available.
func (f Files) Space(_ context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	if err := f.checkReady(p); err != nil {
		return pooldef.Space{}, err
	}
	s, err := f.Host.Space(p.Target.Path)
	return pooldef.Space{Capacity: s.Total, Allocation: s.Total - min(s.Free, s.Total), Available: s.Free,
		Inodes: s.Files, InodesFree: s.FilesFree}, err
}

// ReadStatus implements backend.StatusReader. It adds the permissions of the directory.
func (f Files) ReadStatus(_ context.Context, p *pooldef.Pool) (*pooldef.Pool, error) {
	info, err := f.stat(p, p.Target.Path)
	if err != nil {
		return nil, err
	}
	seen := *p
	if s, ok := info.Sys().(*syscall.Stat_t); ok { // not available in a dry run
		seen.Target.Permissions = permissions(s.Mode, s.Uid, s.Gid)
		if dir, err := safeopen.OpenPath(p.Target.Path); err == nil {
			seen.Target.Permissions.Label = dir.Label()
			dir.Close()
		}
	}
	return &seen, nil
}

// Locate implements backend.Locator. The key of a volume is its path.
func (f Files) Locate(_ context.Context, p *pooldef.Pool, path string) (string, bool) {
	abs, err := filepath.Abs(path)
	if err != nil || !strings.Contains(path, "/") {
		return "", false
	}
	dir, name := filepath.Split(abs)
	return name, name != "" && f.Host.Canonical(dir) == f.Host.Canonical(p.Target.Path)
}

// volumePath returns the path of a volume, existing or not. It refuses names that would lead out of the pool.
func volumePath(p *pooldef.Pool, name string) (string, error) {
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return "", fmt.Errorf("%q cannot be the name of a file", name)
	case len(name) > 255:
		return "", fmt.Errorf("the name has %d bytes: the limit for a file name is 255", len(name))
	case isStagingName(name):
		return "", fmt.Errorf("%q: such names are reserved for volumes being created", name)
	}
	return filepath.Join(p.Target.Path, name), nil
}
