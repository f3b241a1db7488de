package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

const fileHeader = `<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:
  poolctl pool-edit
-->

`

// Define writes a pool's definition, in place of an older one. source is the definition as it was given, if that was YAML:
// then it is kept in its author's words, with the uuid added if it had none.
func (s *Store) Define(p *pooldef.Pool, source []byte) error {
	data, file, old := []byte(fileHeader+codec.PoolElement(p, nil).String()), s.definitionFile(p, ".xml"), s.definitionFile(p, ".yaml")
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
	if err := was.loadAutostart(config, filepath.Base(old)); err != nil {
		return err
	}
	if err := s.Files.WriteFile(file, data); err != nil || !exists(old) {
		return err
	}
	if was.Autostart { // before the old one goes: whoever interrupts us shall not lose it
		if err := s.linkAutostart(file); err != nil {
			return err
		}
	}
	return s.removeDefinition(old)
}

func (s *Store) definitionFile(p *pooldef.Pool, suffix string) string {
	return filepath.Join(s.ConfigDir, p.Name+suffix)
}

// Undefine removes a pool's definition and its autostart link.
func (s *Store) Undefine(e *Entry) error {
	if e.File == "" {
		return fmt.Errorf("%w: %q has no definition: it is transient", ErrNoPool, e.Name)
	}
	return s.removeDefinition(e.File)
}

func (s *Store) removeDefinition(file string) error {
	if link := s.autostartLink(file); exists(link) {
		if err := s.Files.Remove(link); err != nil {
			return err
		}
	}
	return s.Files.Remove(file)
}

// SaveState notes that a pool is running with this definition.
func (s *Store) SaveState(p *pooldef.Pool) error {
	return s.Files.WriteFile(s.recordFile(p.Name), []byte(codec.PoolElement(p, nil).String()))
}

// RemoveState removes the record of a running pool, if there is one.
func (s *Store) RemoveState(name string) error {
	if !exists(s.recordFile(name)) {
		return nil
	}
	return s.Files.Remove(s.recordFile(name))
}

func (s *Store) recordFile(name string) string { return filepath.Join(s.RunDir, name+".xml") }

// exists tells whether there is anything of that name, if only a dangling link.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
