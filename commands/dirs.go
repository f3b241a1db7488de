package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"poolctl/backend/host"
)

// configDir returns the config directory: asked if it is not empty, /etc/poolctl for root, otherwise the
// user's own directory.
func configDir(asked string) (string, error) { return definitionsOf("poolctl", asked) }

// libvirtDir returns the directory of libvirt's definitions. It is empty for a user without a home directory.
func libvirtDir(asked string) (string, error) {
	dir, err := definitionsOf("libvirt", asked)
	if errors.Is(err, errNoHome) {
		return "", nil
	}
	return dir, err
}

// libvirtStateDir returns the directory of libvirt's records of running pools (storageStateInitialize in
// libvirt's src/storage/storage_driver.c). It is empty for a user without $XDG_RUNTIME_DIR.
func libvirtStateDir(asked string) (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	switch {
	case asked != "":
		return filepath.Abs(asked)
	case os.Geteuid() == 0:
		return "/run/libvirt/storage", nil
	case filepath.IsAbs(dir):
		return filepath.Join(dir, "libvirt", "storage", "run"), nil
	}
	return "", nil
}

// cacheArgs is the option of verbs that download.
type cacheArgs struct {
	CacheDir string `env:"POOLCTL_CACHE_DIR" placeholder:"DIR" help:"Directory for downloads until the volume is complete (/var/cache/poolctl)."`
}

// cacheDir returns the directory for downloads: asked if it is not empty, /var/cache/poolctl for root,
// otherwise one of the user's own.
func cacheDir(asked string) (string, error) {
	switch {
	case asked != "":
		return filepath.Abs(asked)
	case os.Geteuid() == 0:
		return "/var/cache/poolctl", nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "poolctl"), err
}

var errNoHome = errors.New("no home directory for the definitions")

// definitionsOf returns the directory of a program's definitions. The error wraps errNoHome if the user has
// no home directory.
func definitionsOf(program, asked string) (string, error) {
	switch {
	case asked != "":
		return filepath.Abs(asked)
	case os.Geteuid() == 0:
		return filepath.Join("/etc", program), nil
	}
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, program), nil
	}
	home := os.Getenv("HOME")
	if home == "" {
		u, err := user.Current()
		if err != nil {
			return "", errNoHome // the library's text depends on how it was built
		}
		home = u.HomeDir
	}
	return filepath.Join(home, ".config", program), nil
}

// runDir returns the run directory. Without $XDG_RUNTIME_DIR, as in cron, it is a directory in /tmp, which
// must belong to this user alone, because anybody may create one there. If $XDG_RUNTIME_DIR belongs to
// another user, as after su, runDir returns an error: a run directory elsewhere would hide the active pools.
// With readOnly set, runDir creates no directory.
func runDir(asked string, readOnly bool) (string, error) {
	switch {
	case asked != "":
		return filepath.Abs(asked)
	case os.Geteuid() == 0:
		return "/run/poolctl", nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		info, err := os.Stat(dir)
		if err == nil && int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			return "", fmt.Errorf("XDG_RUNTIME_DIR: %q belongs to another user: unset it, or give --run-dir: %w",
				dir, fs.ErrPermission)
		}
		return filepath.Join(dir, "poolctl"), nil
	}
	dir := filepath.Join("/tmp", "poolctl-"+strconv.Itoa(os.Geteuid()))
	if !readOnly {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	info, err := os.Lstat(dir)
	switch {
	case readOnly && errors.Is(err, fs.ErrNotExist):
		return dir, nil
	case err != nil:
		return "", err
	}
	s := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || int(s.Uid) != os.Geteuid() || info.Mode().Perm() != 0o700 {
		return "", fmt.Errorf("%q is not a directory of this user alone: remove it, or set XDG_RUNTIME_DIR", dir)
	}
	return dir, nil
}

// hostFiles changes the store's files through the host, so that a dry run prints the changes.
type hostFiles struct {
	ctx  context.Context
	host host.Host
}

// WriteFile implements [store.Files].
func (f hostFiles) WriteFile(path string, data []byte) error {
	return f.host.Change(f.ctx, host.WriteFile{Path: path, Data: data})
}

// WritePrivate implements [store.Files].
func (f hostFiles) WritePrivate(path string, data []byte) error {
	return f.host.Change(f.ctx, host.WritePrivate{Path: path, Data: data})
}

// WriteSecret implements [store.Files].
func (f hostFiles) WriteSecret(path string, data []byte) error {
	return f.host.Change(f.ctx, host.WritePrivate{Path: path, Data: data, Secret: true})
}

// Remove implements [store.Files].
func (f hostFiles) Remove(path string) error { return f.host.Change(f.ctx, host.Unlink{Path: path}) }

// Symlink implements [store.Files].
func (f hostFiles) Symlink(target, link string) error {
	return f.host.Change(f.ctx, host.Symlink{Target: target, Link: link})
}
