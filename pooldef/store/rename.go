package store

import (
	"errors"
	"path/filepath"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// Rename gives a pool another name: in its definition, its autostart link and its run record. It first writes
// the new files, and then removes the old ones, so that the pool has each of its files at any time. If Rename
// is interrupted, the same call goes on. If another pool has the name, the error is a pooldef.ConflictError.
func (s *Store) Rename(e *Entry, name string) error {
	if err := s.CheckDaemon("pool-define", "FILE"); err != nil {
		return err
	}
	if err := s.checkRenamed(e, name); err != nil {
		return err
	}
	if e.Started != nil {
		if err := s.SaveState(withName(e.Started, name)); err != nil {
			return err
		}
	}
	if e.File != "" {
		if err := s.renameDefinition(e, name); err != nil {
			return err
		}
	}
	return s.RemoveState(e.Name)
}

// renameDefinition renames a definition and its autostart link.
func (s *Store) renameDefinition(e *Entry, name string) error {
	renamed := withName(e.Persistent, name)
	data := []byte(fileHeader + codec.PoolElement(renamed, nil).String())
	suffix := filepath.Ext(e.File)
	if suffix == suffixes[1] {
		source, err := s.Source(e)
		if err != nil {
			return err
		}
		if data, err = codec.SetName(source, renamed); err == nil {
			data, err = codec.SetUUID(data, renamed) // without one, the name determines the uuid
		}
		if err != nil {
			return err
		}
	}
	if err := s.RemoveStaleAutostart(name); err != nil { // the definition would inherit it
		return err
	}
	file := s.definitionFile(renamed, suffix)
	if err := s.Files.WriteFile(file, data); err != nil {
		return err
	}
	if e.Autostart {
		if err := s.linkAutostart(file); err != nil {
			return err
		}
	}
	return s.removeDefinition(e.File)
}

// checkRenamed returns an error if a pool has the new name of another one, unless it is what an interrupted
// Rename has left.
func (s *Store) checkRenamed(e *Entry, name string) error {
	other, err := s.Load(name)
	switch {
	case errors.Is(err, ErrNoPool):
		return nil
	case err != nil:
		return err
	}
	is, was := other.Current(), e.Current()
	definitionFits := other.Persistent == nil || e.Persistent == nil && is.UUID == was.UUID ||
		isRenamed(e.Persistent, other.Persistent)
	recordFits := other.Started == nil || isRenamed(e.Started, other.Started)
	if definitionFits && recordFits {
		return nil
	}
	return conflictf("pool %q exists already", name)
}

// isRenamed reports whether a definition differs from another one only in its name.
func isRenamed(from, to *pooldef.Pool) bool {
	return from != nil && codec.PoolElement(withName(from, to.Name), nil).String() ==
		codec.PoolElement(to, nil).String()
}

// withName returns a definition with another name.
func withName(p *pooldef.Pool, name string) *pooldef.Pool {
	renamed := *p
	renamed.Name = name
	return &renamed
}
