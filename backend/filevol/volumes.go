// Package filevol manages volumes that are files of one directory: what dir, fs, netfs and vstorage pools have in common.
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

// Files are the files of a pool's target directory. A backend that embeds it has all the capabilities that its methods make up.
type Files struct {
	Host    host.Host
	Secrets backend.Secrets
	Mounts  bool // starting a pool mounts its directory, without which it cannot be used
	Inside  bool // links that lead out of the directory's file system lead nowhere; so it is where it is mounted: who made it may make any link
}

// Active implements backend.Backend: the directory is there, and mounted on, if the definition says it has to be.
func (f Files) Active(_ context.Context, p *pooldef.Pool) (bool, error) {
	err := f.checkReady(p)
	if notReady := (*backend.NotReadyError)(nil); errors.As(err, &notReady) {
		return false, nil
	}
	return err == nil, err
}

// enter holds the pool's directory, if it can be used, until Leave. Everything is done in that one.
func (f Files) enter(p *pooldef.Pool) (*host.Dir, error) {
	dir, err := f.Host.OpenDir(p.Target.Path, f.Inside || f.Mounts)
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

// checkReady returns nil if the pool's directory can be used, otherwise why not.
func (f Files) checkReady(p *pooldef.Pool) error {
	info, err := f.Host.Stat(p.Target.Path)
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

// Space implements backend.Backend with the numbers of the file system. Available is root's view, as libvirt's is.
func (f Files) Space(_ context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	if err := f.checkReady(p); err != nil {
		return pooldef.Space{}, err
	}
	s, err := f.Host.Space(p.Target.Path)
	return pooldef.Space{Capacity: s.Total, Allocation: s.Total - min(s.Free, s.Total), Available: s.Free}, err
}

// ReadStatus implements backend.Observer: the permissions are the directory's.
func (f Files) ReadStatus(_ context.Context, p *pooldef.Pool) (*pooldef.Pool, error) {
	info, err := f.Host.Stat(p.Target.Path)
	if err != nil {
		return nil, err
	}
	seen := *p
	if s, ok := info.Sys().(*syscall.Stat_t); ok { // a dry run's directories have none
		seen.Target.Permissions = permissions(s.Mode, s.Uid, s.Gid)
		if dir, err := safeopen.OpenPath(p.Target.Path); err == nil {
			seen.Target.Permissions.Label = dir.Label()
			dir.Close()
		}
	}
	return &seen, nil
}

// Locate implements backend.Locator: the key of a volume is its path.
func (f Files) Locate(_ context.Context, p *pooldef.Pool, path string) (string, bool) {
	abs, err := filepath.Abs(path)
	if err != nil || !strings.Contains(path, "/") {
		return "", false
	}
	dir, name := filepath.Split(abs)
	return name, name != "" && f.Host.Canonical(dir) == f.Host.Canonical(p.Target.Path)
}

// volumePath returns where a volume of that name is or would be. A name that could lead out of the pool is refused.
func volumePath(p *pooldef.Pool, name string) (string, error) {
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return "", fmt.Errorf("%q cannot be the name of a file", name)
	case len(name) > 255:
		return "", fmt.Errorf("a name of %d bytes: a file's name has at most 255", len(name))
	case isStage(name):
		return "", fmt.Errorf("%q: names like that are for volumes that are being made", name)
	}
	return filepath.Join(p.Target.Path, name), nil
}
