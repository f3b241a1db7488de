package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"poolctl/pooldef"
)

// loadAutostart sets Autostart if the autostart link of a definition leads to it. f is the definition, or nil
// if it could not be opened. The link is only compared, never read. A link that is refused counts as set, so
// that a start at boot reports it.
func (e *Entry) loadAutostart(config *directory, name string, f *file) error {
	if !config.hasMark(name) {
		return nil
	}
	path, marks := filepath.Join(config.path, "autostart", name), config.autostart()
	link, err := marks.stat(name, unix.AT_SYMLINK_NOFOLLOW)
	var warning error
	if err == nil {
		warning, err = refuseIfRoot(checkTrust(path, &link, 0o022))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // removed since
		return nil
	case errors.Is(err, fs.ErrPermission) && !errors.As(err, new(*TrustError)): // listed by another user
		e.warn(err)
		return nil
	case err != nil:
		e.Autostart = true
		return err
	}
	if warning = cmp.Or(warning, marks.warning); warning != nil {
		e.warn(warning)
	}
	target, err := marks.stat(name, 0)
	var defined unix.Stat_t
	if f != nil {
		defined = f.stat
	} else if err == nil {
		defined, err = config.stat(name, 0)
	}
	e.Autostart = err == nil && target.Dev == defined.Dev && target.Ino == defined.Ino
	if !e.Autostart {
		text := "it points to another file: the pool does not start at boot"
		e.warn(pooldef.Problems{{File: path, Text: text}})
	}
	return nil
}

// SetAutostart enables or disables starting a persistent pool at boot. Disabling also removes an autostart
// link whose definition does not exist.
func (s *Store) SetAutostart(e *Entry, on bool) error {
	verb := []string{"pool-autostart", e.Name}
	if !on {
		verb = append(verb, "--disable")
	}
	if err := s.CheckDaemon(verb...); err != nil {
		return err
	}
	switch {
	case !on:
		return errors.Join(s.unlinkAutostart(e.Name+suffixes[0]), s.unlinkAutostart(e.Name+suffixes[1]))
	case e.Autostart && exists(s.autostartLink(e.File)):
		return nil
	}
	return s.linkAutostart(e.File)
}

// unlinkAutostart removes the autostart link of a definition, if it exists.
func (s *Store) unlinkAutostart(file string) error {
	if link := s.autostartLink(file); exists(link) {
		return s.Files.Remove(link)
	}
	return nil
}

// RemoveStaleAutostart removes the autostart links of a name that lead to a definition that does not exist.
func (s *Store) RemoveStaleAutostart(name string) error {
	var errs []error
	for _, suffix := range suffixes {
		if isStaleAutostart(s.ConfigDir, name+suffix) {
			errs = append(errs, s.unlinkAutostart(name+suffix))
		}
	}
	return errors.Join(errs...)
}

// isStaleAutostart reports whether there is an autostart link of this name, and no definition.
func isStaleAutostart(config, name string) bool {
	return exists(filepath.Join(config, "autostart", name)) && !exists(filepath.Join(config, name))
}

// hasStaleAutostart is isStaleAutostart for any of the names that the definition of a pool may have.
func hasStaleAutostart(config, pool string) bool {
	return slices.ContainsFunc(suffixes[:], func(suffix string) bool {
		return isStaleAutostart(config, pool+suffix)
	})
}

// linkAutostart creates the autostart link of a definition, and replaces one that leads elsewhere.
func (s *Store) linkAutostart(file string) error {
	if err := s.unlinkAutostart(file); err != nil {
		return err
	}
	target, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	return s.Files.Symlink(target, s.autostartLink(file))
}

// DanglingAutostart returns the names of autostart links to definitions that do not exist.
func (s *Store) DanglingAutostart() []string {
	links, _ := os.ReadDir(filepath.Join(s.ConfigDir, "autostart"))
	var names []string
	for _, l := range links {
		if isStaleAutostart(s.ConfigDir, l.Name()) {
			names = append(names, l.Name())
		}
	}
	return names
}

func (s *Store) autostartLink(file string) string {
	return filepath.Join(s.ConfigDir, "autostart", filepath.Base(file))
}
