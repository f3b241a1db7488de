package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// A SecretEntry is everything the store knows about one secret.
type SecretEntry struct {
	UUID      string
	File      string          // of the definition
	Secret    *pooldef.Secret // nil if the definition cannot be used
	HasValue  bool
	IsLibvirt bool // defined by libvirt
	Warnings  []pooldef.Problem
	Err       error // why it cannot be used
}

const encryptedSuffix = ".aes256cbc"

// Secrets returns every secret that has a definition, by UUID. A secret that cannot be used is listed with
// its Err.
func (s *Store) Secrets() ([]*SecretEntry, error) {
	var ids []string
	for _, dir := range s.secretDirs() {
		d := s.openSecrets(dir)
		files, err := d.list()
		d.close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			if id, ok := strings.CutSuffix(f.Name, ".xml"); ok && !strings.HasPrefix(id, ".") {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	var entries []*SecretEntry
	for _, id := range slices.Compact(ids) {
		e, err := s.loadSecret(id)
		if errors.Is(err, pooldef.ErrNoSecret) { // removed since
			continue
		}
		e.Err = err
		entries = append(entries, e)
	}
	return entries, nil
}

// Secret returns one secret, by its UUID, or by its usage if only one secret has that usage. With an error,
// it may also return the entry, whose File names the broken definition, so that the caller can repair or
// remove it.
func (s *Store) Secret(uuidOrUsage string) (*SecretEntry, error) {
	if id, ok := pooldef.ParseUUID(uuidOrUsage); ok {
		if e, err := s.loadSecret(id); !errors.Is(err, pooldef.ErrNoSecret) {
			return e, err
		}
	}
	e, err := s.findSecret(uuidOrUsage, func(secret *pooldef.Secret) bool {
		return secret.Usage == uuidOrUsage
	})
	if err == nil && e == nil {
		err = fmt.Errorf("%w: %q", pooldef.ErrNoSecret, uuidOrUsage)
	}
	return e, err
}

// SecretOf returns the secret with a usage, from poolctl's definitions or, if there is none, from libvirt's.
// It returns nil if neither has one.
func (s *Store) SecretOf(usageType, usage string) (*pooldef.Secret, error) {
	e, err := s.secretByUsage(usageType, usage)
	if e == nil {
		return nil, err
	}
	return e.Secret, err
}

// ownSecretByUsage is secretByUsage without libvirt's definitions.
func (s *Store) ownSecretByUsage(usageType, usage string) (*SecretEntry, error) {
	return s.findSecret(usageType+" "+usage, func(secret *pooldef.Secret) bool {
		return secret.UsageType == usageType && secret.Usage == usage
	})
}

// findSecret returns the only secret that matches, or nil. Two matches are a ConflictError, in which what
// describes the request.
func (s *Store) findSecret(what string, fits func(*pooldef.Secret) bool) (*SecretEntry, error) {
	entries, err := s.Secrets()
	if err != nil {
		return nil, err
	}
	var found *SecretEntry
	for _, e := range entries {
		switch {
		case e.Err != nil || !fits(e.Secret):
		case found != nil:
			return nil, conflictf("secrets %s and %s are both for %q", found.UUID, e.UUID, what)
		default:
			found = e
		}
	}
	return found, nil
}

// loadSecret returns the secret with a UUID, without libvirt's definitions.
func (s *Store) loadSecret(id string) (*SecretEntry, error) {
	e := &SecretEntry{UUID: id, IsLibvirt: s.isLibvirt}
	for _, dir := range s.secretDirs() {
		file := filepath.Join(dir, id+".xml")
		if !exists(file) {
			continue
		}
		if e.File != "" {
			return e, conflictf("secret %s is defined twice, in %s and %s", id, e.File, file)
		}
		e.File = file
	}
	if e.File == "" {
		return e, &pooldef.NoSecretError{UUID: id}
	}
	if canonical, ok := pooldef.ParseUUID(id); !ok || canonical != id {
		text := "the file of a secret must be named by its uuid, in lower case"
		return e, pooldef.Problems{{File: e.File, Text: text}}
	}
	e.HasValue = existingValue(e.File) != "" || s.Credentials != "" && exists(filepath.Join(s.Credentials, id))
	return e, s.readSecret(e)
}

// readSecret reads the definition, which must be that of the secret that the file is named after.
func (s *Store) readSecret(e *SecretEntry) error {
	data, warning, err := s.readSecretFile(e.File, codec.MaxInput)
	if errors.Is(err, fs.ErrNotExist) { // removed since
		return &pooldef.NoSecretError{UUID: e.UUID}
	}
	if err != nil {
		return err
	}
	secret, warnings, err := codec.ReadSecret(e.File, data, false)
	switch {
	case err != nil:
		return err
	case secret.UUID != "" && secret.UUID != e.UUID:
		text := fmt.Sprintf("%q is not the file's name %q", secret.UUID, e.UUID)
		return pooldef.Problems{{File: e.File, Element: "uuid", Text: text}}
	}
	secret.UUID = e.UUID
	e.Secret, e.Warnings = secret, warnings
	if warning != nil {
		e.Warnings = append(e.Warnings, pooldef.Problem{Text: warning.Error()})
	}
	return nil
}
