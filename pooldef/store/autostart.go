package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/pooldef"
)

// loadAutostart sets Autostart if the autostart link of a definition leads to it. The link is only compared,
// never read. A link that is refused counts as set, so that a start at boot reports it.
func (e *Entry) loadAutostart(config *directory, name string) error {
	path := filepath.Join(config.path, "autostart", name)
	if !exists(path) {
		return nil
	}
	marks := config.subdirectory("autostart")
	defer marks.close()
	link, err := marks.stat(name, unix.AT_SYMLINK_NOFOLLOW)
	var warning error
	if err == nil {
		warning, err = refuseIfRoot(checkTrust(path, &link, 0o022))
	}
	switch untrusted := (*TrustError)(nil); {
	case errors.Is(err, fs.ErrNotExist): // removed since
		return nil
	case errors.Is(err, fs.ErrPermission) && !errors.As(err, &untrusted): // another user lists root's pools
		e.warn(err)
		return nil
	case err != nil:
		e.Autostart = true
		return err
	}
	if warning = cmp.Or(warning, marks.warning); warning != nil {
		e.warn(warning)
	}
	target, targetErr := marks.stat(name, 0)
	file, err := config.stat(name, 0)
	e.Autostart = targetErr == nil && err == nil && target.Dev == file.Dev && target.Ino == file.Ino
	if !e.Autostart {
		text := "it points to another file: the pool does not start at boot"
		e.warn(pooldef.Problems{{File: path, Text: text}})
	}
	return nil
}

// SetAutostart enables or disables starting a persistent pool at boot.
func (s *Store) SetAutostart(e *Entry, on bool) error {
	link := s.autostartLink(e.File)
	switch {
	case e.Autostart == on && exists(link) == on:
		return nil
	case on:
		return s.linkAutostart(e.File)
	}
	return s.Files.Remove(link)
}

// linkAutostart creates the autostart link of a definition, and replaces one that leads elsewhere.
func (s *Store) linkAutostart(file string) error {
	link := s.autostartLink(file)
	if exists(link) {
		if err := s.Files.Remove(link); err != nil {
			return err
		}
	}
	target, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	return s.Files.Symlink(target, link)
}

// DanglingAutostart returns the names of autostart links to definitions that do not exist.
func (s *Store) DanglingAutostart() []string {
	links, _ := os.ReadDir(filepath.Join(s.ConfigDir, "autostart"))
	var names []string
	for _, l := range links {
		if !exists(filepath.Join(s.ConfigDir, l.Name())) {
			names = append(names, l.Name())
		}
	}
	return names
}

func (s *Store) autostartLink(file string) string {
	return filepath.Join(s.ConfigDir, "autostart", filepath.Base(file))
}
