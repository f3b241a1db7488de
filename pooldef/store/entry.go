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

// An Entry is everything the store knows about one pool.
type Entry struct {
	Name       string
	File       string        // of the definition; empty for a transient pool
	Persistent *pooldef.Pool // nil for a transient pool, or if the file cannot be used
	Started    *pooldef.Pool // the definition in the run record; nil if the pool was not started
	ByLibvirt  bool          // libvirt started the pool: Started is from libvirt's record
	RecordErr  error         // what is wrong with the content of the run record
	Autostart  bool
	// StaleAutostart is set if the pool has no definition, but its name has an autostart link.
	StaleAutostart bool
	Warnings       []pooldef.Problem
	Untrusted      []error // the warnings that are a TrustError
	Err            error   // why the pool cannot be used
}

// HasFiles reports whether the entry has a definition, a run record or an autostart link, usable or not.
func (e *Entry) HasFiles() bool {
	return e.File != "" || e.Started != nil || e.RecordErr != nil || e.StaleAutostart
}

// Current returns the definition in force: the one that the pool was started with, or the persistent one. It
// is nil if there is neither.
func (e *Entry) Current() *pooldef.Pool {
	if e.Started != nil {
		return e.Started
	}
	return e.Persistent
}

// HasDrifted reports whether the pool was started with another definition than the one that is stored.
func (e *Entry) HasDrifted() bool {
	return e.Started != nil && e.Persistent != nil &&
		codec.PoolElement(e.Started, nil).String() != codec.PoolElement(e.Persistent, nil).String()
}

// suffixes are the suffixes of definition files.
var suffixes = [...]string{".xml", ".yaml"}

// Load returns one pool. A definition that is broken, or exists twice, is an error. If the pool has a run
// record, the error becomes a warning, because a started pool can always be inspected and stopped. A run
// record that is empty or damaged shows that the pool was started, so Load assumes that it was started with
// its definition, with a warning; without a definition, the damage is an error. With an error, Load also
// returns the entry, which names the files, so that the caller can repair or remove them.
func (s *Store) Load(name string) (*Entry, error) {
	config, run := s.openDirectory(s.ConfigDir), s.openDirectory(s.RunDir)
	defer config.close()
	defer run.close()
	e, err := s.loadEntry(name, config, run)
	e.warnUntrusted(config, run)
	return e, err
}

// loadEntry is Load with open directories.
func (s *Store) loadEntry(name string, config, run *directory) (*Entry, error) {
	e := &Entry{Name: name}
	if text := pooldef.CheckName(name); text != "" {
		return e, fmt.Errorf("%w: %s", ErrNoPool, text)
	}
	err := e.loadDefinition(config)
	e.StaleAutostart = e.File == "" && hasStaleAutostart(config.path, name)
	switch recordErr := e.loadRecord(run); {
	case err == nil && e.Persistent != nil && e.RecordErr != nil:
		e.assumeStarted()
	case err == nil:
		err = recordErr
	}
	if err != nil && e.Started != nil {
		e.warn(err)
		err = nil
	}
	if err == nil {
		s.loadLibvirtState(e)
	}
	if err == nil && e.Current() == nil {
		err = &noPoolError{name, s}
	}
	return e, err
}

// warn adds an error to the entry's warnings.
func (e *Entry) warn(err error) {
	if errors.As(err, new(*TrustError)) {
		e.Untrusted = append(e.Untrusted, err)
	}
	if problems, ok := errors.AsType[pooldef.Problems](err); ok {
		e.Warnings = append(e.Warnings, problems...)
	} else {
		e.Warnings = append(e.Warnings, pooldef.Problem{Text: err.Error()})
	}
}

// warnUntrusted adds warnings about directories that other users can change.
func (e *Entry) warnUntrusted(directories ...*directory) {
	for _, d := range directories {
		if d.warning != nil {
			e.warn(d.warning)
		}
	}
}

// loadDefinition fills in File, Persistent and Autostart from the config directory.
func (e *Entry) loadDefinition(config *directory) error {
	for _, suffix := range suffixes {
		name := e.Name + suffix
		if !config.mayHave(name) {
			continue
		}
		f, err := config.openRegular(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var data []byte
		var warning error
		if err == nil {
			data, warning, err = f.trusted()
			f.close()
		}
		if config.err != nil {
			return config.err
		}
		file := filepath.Join(config.path, name)
		if e.File != "" {
			e.Persistent = nil
			return conflictf("pool %q is defined twice, in %s and %s", e.Name, e.File, file)
		}
		e.File = file
		markErr := e.loadAutostart(config, name, f)
		if err == nil {
			e.Persistent, err = e.read(file, data)
		}
		if err = cmp.Or(err, markErr); err != nil {
			return err
		}
		if warning != nil {
			e.warn(warning)
		}
		if p := e.Persistent; p.UUID == "" { // written by hand
			p.UUID = pooldef.NameUUID(p.Name)
		}
	}
	return nil
}

// read parses a file, which must define the pool that the file is named after.
func (e *Entry) read(file string, data []byte) (*pooldef.Pool, error) {
	p, warnings, err := codec.ReadStored(file, data, false)
	if err != nil {
		return nil, err
	}
	if p.Name != e.Name {
		text := fmt.Sprintf("%q is not the file's name %q", p.Name, e.Name)
		return nil, pooldef.Problems{{File: file, Element: "name", Text: text}}
	}
	e.Warnings = append(e.Warnings, warnings...)
	return p, nil
}

// assumeStarted replaces a damaged run record by the definition.
func (e *Entry) assumeStarted() {
	started := *e.Persistent
	started.Started = true
	e.Started = &started
	e.warn(e.RecordErr)
	const text = "pool %q may have been started with another definition: its run record is damaged"
	e.warn(fmt.Errorf(text, e.Name))
}

// loadRecord fills in Started, or RecordErr, from the run directory.
func (e *Entry) loadRecord(run *directory) error {
	name := e.Name + ".xml"
	data, warning, err := run.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if e.Started, err = e.read(filepath.Join(run.path, name), data); err == nil {
			e.Started.Started = true
		}
	}
	if errors.As(err, &pooldef.Problems{}) {
		e.RecordErr = err
	}
	if warning != nil {
		e.warn(warning)
	}
	return err
}
