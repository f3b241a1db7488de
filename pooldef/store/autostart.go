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

// loadAutostart fills in whether the autostart link of a definition leads to it. The link is only compared, never read. One that
// is refused counts as a mark, so that a start at boot tells of it.
func (e *Entry) loadAutostart(config *directory, name string) error {
	path := filepath.Join(config.path, "autostart", name)
	if !exists(path) {
		return nil
	}
	marks := config.subdirectory("autostart")
	defer marks.close()
	link, err := marks.stat(name, unix.AT_SYMLINK_NOFOLLOW)
	var doubt error
	if err == nil {
		doubt, err = refuseIfRoot(checkTrust(path, &link, 0o022))
	}
	switch untrusted := (*TrustError)(nil); {
	case errors.Is(err, fs.ErrNotExist): // gone meanwhile
		return nil
	case errors.Is(err, fs.ErrPermission) && !errors.As(err, &untrusted): // a user looks at root's pools
		e.warn(err)
		return nil
	case err != nil:
		e.Autostart = true
		return err
	}
	if doubt = cmp.Or(doubt, marks.warning); doubt != nil {
		e.warn(doubt)
	}
	target, targetErr := marks.stat(name, 0)
	file, err := config.stat(name, 0)
	e.Autostart = targetErr == nil && err == nil && target.Dev == file.Dev && target.Ino == file.Ino
	if !e.Autostart {
		e.warn(pooldef.Problems{{File: path, Text: "it leads to another file: the pool is not started at boot"}})
	}
	return nil
}

// SetAutostart marks a defined pool to be started at boot, or no longer.
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

// linkAutostart makes the autostart link of a definition, in place of one that leads elsewhere.
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

// DanglingAutostart names the links of pools that are marked to be started but have no definition.
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
