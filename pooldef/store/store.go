// Package store keeps definitions and state in files: pools and secrets in the config directory, whose layout is
// libvirt's, and run records, locks and ephemeral secrets in the run directory.
//
//	s := &store.Store{ConfigDir: "/etc/poolctl", RunDir: "/run/poolctl", Files: files}
//	unlock, err := s.LockPool(ctx, "images", store.Shared)
//	entry, err := s.Load("images") // entry.Current() is the definition in force
//
// A [Store] keeps no index and caches no content: every call reads the files. It changes files only through [Files],
// so that a dry run can print the changes. The exception is lock files, which it creates itself.
//
// Root runs what the definitions say. As root, the store therefore refuses files and directories that another user
// could change or replace, with a [TrustError].
package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"

	"golang.org/x/sys/unix"
)

// A Store keeps the definitions of pools in one directory, in libvirt's layout, and the records of running ones in another.
// It reads by itself; whatever changes a file goes through Files.
//
// It uses regular files only. Directories, files and autostart links have to belong to root or the running user, and others
// must not be able to write to them, nor to put others in the place of its directories: as root, a TrustError refuses them, any
// other user gets a warning.
type Store struct {
	ConfigDir   string
	RunDir      string
	Credentials string // the directory of systemd's credentials; empty: there is none
	LibvirtDir  string // the directory of libvirt's definitions, whose secrets are used where there is none here; empty: they are not
	Files       Files
	ReadOnly    bool // no lock files are made, nor their directory: only a lock that is there is taken

	isLibvirt bool     // it is libvirt's, whose secrets are only read
	ways      sync.Map // a checkedWay for the path of each directory: a Store is for one verb, which walks there once
}

// Files changes files, each change whole or not at all.
type Files interface {
	WriteFile(path string, data []byte) error    // mode 0600; missing parents are made
	WritePrivate(path string, data []byte) error // the same; the directory, if it has to be made, has mode 0700
	WriteSecret(path string, data []byte) error  // the same, and data are never shown
	Remove(path string) error
	Symlink(target, link string) error // missing parents are made
}

// ErrNoPool is what Load wraps when there is no pool of that name.
var ErrNoPool = errors.New("no such pool")

// An Entry is what the store knows of one pool.
type Entry struct {
	Name       string
	File       string        // of the definition; empty for a transient pool
	Persistent *pooldef.Pool // nil for a transient pool, or when the file cannot be used
	Started    *pooldef.Pool // as it was when it was started; nil: it was not
	Autostart  bool
	Warnings   []pooldef.Problem
	Err        error // why the pool cannot be used
}

// Current is the definition that counts now: the one that the pool was started with, if it was.
func (e *Entry) Current() *pooldef.Pool {
	if e.Started != nil {
		return e.Started
	}
	return e.Persistent
}

// suffixes of definition files.
var suffixes = [...]string{".xml", ".yaml"}

// Load returns one pool. A definition that is broken, or there twice, is an error unless the pool is running: then it is
// among the warnings, because a running pool can always be looked at and stopped. The entry of a broken definition comes
// back with the error and tells its File, so that it can be mended or removed.
func (s *Store) Load(name string) (*Entry, error) {
	config, run := s.folder(s.ConfigDir), s.folder(s.RunDir)
	defer config.close()
	defer run.close()
	e, err := load(name, config, run)
	e.doubt(config, run)
	return e, err
}

func load(name string, config, run *folder) (*Entry, error) {
	e := &Entry{Name: name}
	if text := pooldef.CheckName(name); text != "" {
		return e, fmt.Errorf("%w: %s", ErrNoPool, text)
	}
	err := e.loadDefinition(config)
	if recordErr := e.loadRecord(run); err == nil {
		err = recordErr
	}
	if err != nil && e.Started != nil {
		e.warn(err)
		err = nil
	}
	if err == nil && e.Current() == nil {
		err = fmt.Errorf("%w: %q", ErrNoPool, name)
	}
	return e, err
}

// warn makes warnings of an error.
func (e *Entry) warn(err error) {
	if problems := (pooldef.Problems)(nil); errors.As(err, &problems) {
		e.Warnings = append(e.Warnings, problems...)
	} else {
		e.Warnings = append(e.Warnings, pooldef.Problem{Text: err.Error()})
	}
}

// doubt warns of directories that others can change.
func (e *Entry) doubt(folders ...*folder) {
	for _, d := range folders {
		if d.doubt != nil {
			e.warn(d.doubt)
		}
	}
}

// loadDefinition fills in what the config directory says.
func (e *Entry) loadDefinition(config *folder) error {
	for _, suffix := range suffixes {
		name := e.Name + suffix
		data, doubt, err := config.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if config.err != nil {
			return config.err
		}
		file := filepath.Join(config.path, name)
		if e.File != "" {
			e.Persistent = nil
			return &pooldef.ConflictError{Text: fmt.Sprintf("pool %q is defined twice, in %s and %s", e.Name, e.File, file)}
		}
		e.File = file
		markErr := e.loadMark(config, name)
		if err == nil {
			e.Persistent, err = e.read(file, data)
		}
		if err = cmp.Or(err, markErr); err != nil {
			return err
		}
		if doubt != nil {
			e.warn(doubt)
		}
		if p := e.Persistent; p.UUID == "" { // a file that somebody wrote by hand: the same name has always the same uuid
			p.UUID = pooldef.NameUUID(p.Name)
		}
	}
	return nil
}

// loadMark fills in whether the autostart link of a definition leads to it. The link is only compared, never read. One that
// is refused counts as a mark, so that a start at boot tells of it.
func (e *Entry) loadMark(config *folder, name string) error {
	path := filepath.Join(config.path, "autostart", name)
	if !exists(path) {
		return nil
	}
	marks := config.folder("autostart")
	defer marks.close()
	link, err := marks.stat(name, unix.AT_SYMLINK_NOFOLLOW)
	var doubt error
	if err == nil {
		doubt, err = judge(checkTrust(path, &link, 0o022))
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
	if doubt = cmp.Or(doubt, marks.doubt); doubt != nil {
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

// read reads a file, which has to define the pool that it is named after.
func (e *Entry) read(file string, data []byte) (*pooldef.Pool, error) {
	p, warnings, err := codec.ReadPool(file, data, false)
	if err != nil {
		return nil, err
	}
	if p.Name != e.Name {
		return nil, pooldef.Problems{{File: file, Element: "name", Text: fmt.Sprintf("%q is not the file's name %q", p.Name, e.Name)}}
	}
	e.Warnings = append(e.Warnings, warnings...)
	return p, nil
}

func (e *Entry) loadRecord(run *folder) error {
	name := e.Name + ".xml"
	data, doubt, err := run.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if e.Started, err = e.read(filepath.Join(run.path, name), data); err == nil {
			e.Started.Started = true
		}
	}
	if doubt != nil {
		e.warn(doubt)
	}
	return err
}

// Source returns the text of an entry's definition, by the rules of Load; also of one that is broken.
func (s *Store) Source(e *Entry) ([]byte, error) {
	config := s.folder(s.ConfigDir)
	defer config.close()
	data, _, err := config.read(filepath.Base(e.File))
	return data, err
}

// All returns every pool that there is a file for, by name. One that cannot be used has its Err; it does not hide the others.
func (s *Store) All() ([]*Entry, error) {
	config, run := s.folder(s.ConfigDir), s.folder(s.RunDir)
	defer config.close()
	defer run.close()
	names, err := poolNames(config, run)
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	seen := map[string]string{}
	for _, name := range names {
		e, err := load(name, config, run)
		switch text := pooldef.CheckName(name); {
		case text != "":
			err = pooldef.Problems{{File: s.ConfigDir, Text: text}}
		case errors.Is(err, ErrNoPool): // gone meanwhile
			continue
		}
		if len(entries) == 0 { // once for all
			e.doubt(config, run)
		}
		entries = append(entries, e)
		if e.Err = err; err != nil {
			continue
		}
		id := e.Current().UUID
		if other, ok := seen[id]; ok {
			e.warn(&pooldef.ConflictError{Text: fmt.Sprintf("pools %q and %q have the same uuid %s", other, name, id)})
		}
		seen[id] = name
	}
	return entries, nil
}

// poolNames lists all pools that there are files for, in the order of CompareNames. Hidden files are not definitions: they are
// what editors leave, or what is being written.
func poolNames(folders ...*folder) ([]string, error) {
	var names []string
	for _, d := range folders {
		files, err := d.list()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			suffix := filepath.Ext(f.Name())
			name := strings.TrimSuffix(f.Name(), suffix)
			if slices.Contains(suffixes[:], suffix) && !f.IsDir() && !strings.HasPrefix(f.Name(), ".") {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, pooldef.CompareNames)
	return slices.Compact(names), nil
}
