package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

const fileHeader = `<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:
  poolctl pool-edit
-->

`

// Define writes a pool's definition and replaces an older one. source is the definition as given, if that was
// YAML, or nil. YAML is stored as its author wrote it, with the UUID added if it had none.
func (s *Store) Define(p *pooldef.Pool, source []byte) error {
	if err := s.CheckDaemon("pool-define", "FILE"); err != nil {
		return err
	}
	data := slices.Concat([]byte(fileHeader), document(p))
	file, old := s.definitionFile(p, ".xml"), s.definitionFile(p, ".yaml")
	if source != nil {
		var err error
		if data, err = codec.SetUUID(source, p); err != nil {
			return err
		}
		file, old = old, file
	}
	config := s.openDirectory(s.ConfigDir)
	defer config.close()
	was := &Entry{}
	if err := was.loadAutostart(config, filepath.Base(old), nil); err != nil {
		return err
	}
	if err := s.RemoveStaleAutostart(p.Name); err != nil { // a new definition would inherit it
		return err
	}
	if err := s.Files.WriteFile(file, data); err != nil || !exists(old) {
		return err
	}
	if was.Autostart { // before the old file is removed, so that an interruption does not lose the mark
		if err := s.linkAutostart(file); err != nil {
			return err
		}
	}
	return s.removeDefinition(old)
}

// IsDefined reports whether the stored definition of a pool is p already. source is as for Define: YAML is
// compared as its author wrote it, except that a UUID may be missing.
func (s *Store) IsDefined(p *pooldef.Pool, source []byte) (bool, error) {
	e, err := s.Load(p.Name)
	switch {
	case errors.Is(err, ErrNoPool) || err == nil && e.Persistent == nil:
		return false, nil
	case err != nil:
		return false, err
	case codec.PoolElement(e.Persistent, nil).String() != codec.PoolElement(p, nil).String():
		return false, nil
	case source == nil:
		return true, nil
	}
	stored, err := s.Source(e)
	if err != nil || bytes.Equal(stored, source) {
		return err == nil, err
	}
	data, err := codec.SetUUID(source, p)
	return err == nil && bytes.Equal(stored, data), err
}

// FileOf returns the file that Define writes. source is as for Define.
func (s *Store) FileOf(p *pooldef.Pool, source []byte) string {
	if source != nil {
		return s.definitionFile(p, ".yaml")
	}
	return s.definitionFile(p, ".xml")
}

func (s *Store) definitionFile(p *pooldef.Pool, suffix string) string {
	return filepath.Join(s.ConfigDir, p.Name+suffix)
}

// Undefine removes a pool's definition, its autostart links and its mark of apply. For a transient pool, the
// error wraps ErrNoPool.
func (s *Store) Undefine(e *Entry) error {
	if e.File == "" {
		return fmt.Errorf("%w: %q has no definition: it is transient", ErrNoPool, e.Name)
	}
	if err := s.CheckDaemon("pool-undefine", e.Name); err != nil {
		return err
	}
	if err := s.RemoveStaleAutostart(e.Name); err != nil {
		return err
	}
	if err := s.RemoveBuilt(e.Name); err != nil {
		return err
	}
	return s.removeDefinition(e.File)
}

func (s *Store) removeDefinition(file string) error {
	if err := s.unlinkAutostart(file); err != nil {
		return err
	}
	return s.Files.Remove(file)
}

// SaveState writes the run record of a pool that was started with this definition.
func (s *Store) SaveState(p *pooldef.Pool) error {
	return s.Files.WriteFile(s.recordFile(p.Name), document(p))
}

// document returns a pool's document, after the mark of the set that manages the pool.
func document(p *pooldef.Pool) []byte {
	mark := ""
	if p.ManagedBy != "" {
		mark = codec.ManagedComment(p.ManagedBy)
	}
	return []byte(mark + codec.PoolElement(p, nil).String())
}

// RemoveState removes a pool's run record if it exists.
func (s *Store) RemoveState(name string) error {
	if !exists(s.recordFile(name)) {
		return nil
	}
	return s.Files.Remove(s.recordFile(name))
}

func (s *Store) recordFile(name string) string { return filepath.Join(s.RunDir, name+".xml") }

// exists reports whether anything has this path, even a dangling symbolic link.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
