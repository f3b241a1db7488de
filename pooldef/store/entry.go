package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

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
	config, run := s.openDirectory(s.ConfigDir), s.openDirectory(s.RunDir)
	defer config.close()
	defer run.close()
	e, err := loadEntry(name, config, run)
	e.warnUntrusted(config, run)
	return e, err
}

func loadEntry(name string, config, run *directory) (*Entry, error) {
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

// warnUntrusted warns of directories that others can change.
func (e *Entry) warnUntrusted(folders ...*directory) {
	for _, d := range folders {
		if d.warning != nil {
			e.warn(d.warning)
		}
	}
}

// loadDefinition fills in what the config directory says.
func (e *Entry) loadDefinition(config *directory) error {
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
		markErr := e.loadAutostart(config, name)
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

func (e *Entry) loadRecord(run *directory) error {
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
	config := s.openDirectory(s.ConfigDir)
	defer config.close()
	data, _, err := config.read(filepath.Base(e.File))
	return data, err
}
