package store

import (
	"bytes"
	"errors"
	"path/filepath"

	"poolctl/backend/fault"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// Libvirt returns a store of the pools that libvirt defines in a directory. Their secrets are in the
// directory beside it. The store is only read.
func (s *Store) Libvirt(pools string) *Store {
	return &Store{ConfigDir: pools, LibvirtDir: filepath.Dir(pools), LibvirtStateDir: s.LibvirtStateDir,
		SealedKey: s.SealedKey, Unseal: s.Unseal, isLibvirt: true}
}

// LibvirtSecrets returns the secrets that libvirt defines.
func (s *Store) LibvirtSecrets() ([]*SecretEntry, error) { return s.libvirtStore().Secrets() }

// A DiffersError reports that what should be imported exists already, and differs.
type DiffersError struct{}

func (*DiffersError) Error() string { return "poolctl's own differs from libvirt's" }

// Kind implements [fault.Error].
func (*DiffersError) Kind() fault.Kind { return fault.Conflict }

// HintLine implements [fault.Hinter].
func (*DiffersError) HintLine() string { return "--update replaces poolctl's" }

// ImportPool defines the pool of another store's entry, with its autostart link. If libvirt runs the pool, it
// also gets a run record, so that the pool is active. If the pool is defined already, ImportPool changes
// nothing if it is the same, and otherwise only if update is set. It never removes an autostart link.
func (s *Store) ImportPool(e *Entry, update bool) (changed bool, err error) {
	same, err := s.IsDefined(e.Persistent, nil)
	if err != nil {
		return false, err
	}
	old, _ := s.Load(e.Name) // IsDefined has reported an error
	same = same && (old.Autostart || !e.Autostart)
	switch {
	case same:
		return false, nil
	case old.File != "" && !update:
		return false, &DiffersError{}
	}
	if err := s.Define(e.Persistent, nil); err != nil {
		return false, err
	}
	if e.Autostart {
		if err := s.linkAutostart(s.definitionFile(e.Persistent, suffixes[0])); err != nil {
			return false, err
		}
	}
	if e.Started != nil && old.Started == nil {
		return true, s.SaveState(e.Started)
	}
	return true, nil
}

// ImportSecret defines a secret with its value, which is nil if it has none. If the secret is defined
// already, ImportSecret changes nothing if it is the same, and otherwise only if update is set.
func (s *Store) ImportSecret(secret *pooldef.Secret, value []byte, update bool) (changed bool, err error) {
	old, err := s.loadSecret(secret.UUID)
	if err != nil && !errors.Is(err, pooldef.ErrNoSecret) {
		return false, err
	}
	if err == nil {
		same, err := s.hasSecret(old, secret, value)
		switch {
		case same || err != nil:
			return false, err
		case !update:
			return false, &DiffersError{}
		}
	}
	if err := s.DefineSecret(secret); err != nil || value == nil {
		return err == nil, err
	}
	return true, s.SetSecretValue(&SecretEntry{UUID: secret.UUID, File: s.secretFile(secret)}, value)
}

// hasSecret reports whether a stored secret has this definition and this value. A secret without a value does
// not contradict a stored one with a value.
func (s *Store) hasSecret(old *SecretEntry, secret *pooldef.Secret, value []byte) (bool, error) {
	if codec.SecretElement(old.Secret).String() != codec.SecretElement(secret).String() {
		return false, nil
	}
	if value == nil || !old.HasValue {
		return value == nil, nil
	}
	stored, err := s.ValueOf(old)
	return bytes.Equal(stored, value), err
}
