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

// A SecretEntry is what the store knows of one secret.
type SecretEntry struct {
	UUID      string
	File      string          // of the definition
	Secret    *pooldef.Secret // nil: it cannot be used
	HasValue  bool
	IsLibvirt bool // it is one of libvirt's
	Warnings  []pooldef.Problem
	Err       error // why it cannot be used
}

// secretDirs are where secrets are kept, in libvirt's layout: those that stay, and the ephemeral ones, which the machine forgets
// when it stops. Both hold a UUID.xml for each, and a UUID.base64 if there is a value.
func (s *Store) secretDirs() []string {
	dirs := []string{filepath.Join(s.ConfigDir, "secrets")}
	if s.RunDir != "" { // libvirt keeps no ephemeral ones in files
		dirs = append(dirs, filepath.Join(s.RunDir, "secrets"))
	}
	return dirs
}

// openSecrets opens one of secretDirs below its parent, which is checked, too.
func (s *Store) openSecrets(dir string) *directory {
	parent := s.openDirectory(filepath.Dir(dir))
	defer parent.close()
	return parent.subdirectory(filepath.Base(dir))
}

// readSecretFile returns the bytes of a file that is in one of secretDirs and that nobody else may read or change. doubt is set
// if others can change the directory and the user is not root.
func (s *Store) readSecretFile(file string, most int) (data []byte, doubt, err error) {
	d := s.openSecrets(filepath.Dir(file))
	defer d.close()
	data, err = d.readSecret(filepath.Base(file), 0o077, most)
	return data, d.warning, err
}

// secretFile is where a secret's definition belongs.
func (s *Store) secretFile(secret *pooldef.Secret) string {
	dir := s.secretDirs()[0]
	if secret.Ephemeral {
		dir = s.secretDirs()[1]
	}
	return filepath.Join(dir, secret.UUID+".xml")
}

// valueFile is where the value of the secret with this definition is.
func valueFile(definition string) string { return strings.TrimSuffix(definition, ".xml") + ".base64" }

// Secrets returns every secret that there is a file for, by uuid. One that cannot be used has its Err; it does not hide the others.
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
			if id, ok := strings.CutSuffix(f.Name(), ".xml"); ok && !strings.HasPrefix(id, ".") {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	var entries []*SecretEntry
	for _, id := range slices.Compact(ids) {
		e, err := s.loadSecret(id)
		if errors.Is(err, pooldef.ErrNoSecret) { // gone meanwhile
			continue
		}
		e.Err = err
		entries = append(entries, e)
	}
	return entries, nil
}

// Secret returns one secret, by its uuid or, if there is but one, by what it is for. The entry of a broken definition comes back
// with the error and tells its File, so that it can be mended or removed.
func (s *Store) Secret(uuidOrUsage string) (*SecretEntry, error) {
	if id, ok := pooldef.ParseUUID(uuidOrUsage); ok {
		if e, err := s.loadSecret(id); !errors.Is(err, pooldef.ErrNoSecret) {
			return e, err
		}
	}
	e, err := s.findSecret(uuidOrUsage, func(secret *pooldef.Secret) bool { return secret.Usage == uuidOrUsage })
	if err == nil && e == nil {
		err = fmt.Errorf("%w: %q", pooldef.ErrNoSecret, uuidOrUsage)
	}
	return e, err
}

// SecretOf returns the secret with this usage, one of libvirt's if there is none here, nil if there is none at all.
func (s *Store) SecretOf(usageType, usage string) (*pooldef.Secret, error) {
	e, err := s.secretByUsage(usageType, usage)
	if e == nil {
		return nil, err
	}
	return e.Secret, err
}

func (s *Store) ownSecretByUsage(usageType, usage string) (*SecretEntry, error) {
	return s.findSecret(usageType+" "+usage, func(secret *pooldef.Secret) bool { return secret.UsageType == usageType && secret.Usage == usage })
}

// findSecret returns the one secret that fits, nil if there is none.
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
			return nil, &pooldef.ConflictError{Text: fmt.Sprintf("secrets %s and %s are both for %q", found.UUID, e.UUID, what)}
		default:
			found = e
		}
	}
	return found, nil
}

// loadSecret returns the secret with a uuid.
func (s *Store) loadSecret(id string) (*SecretEntry, error) {
	e := &SecretEntry{UUID: id, IsLibvirt: s.isLibvirt}
	for _, dir := range s.secretDirs() {
		file := filepath.Join(dir, id+".xml")
		if !exists(file) {
			continue
		}
		if e.File != "" {
			return e, &pooldef.ConflictError{Text: fmt.Sprintf("secret %s is defined twice, in %s and %s", id, e.File, file)}
		}
		e.File = file
	}
	if e.File == "" {
		return e, fmt.Errorf("%w: %s", pooldef.ErrNoSecret, id)
	}
	if canonical, ok := pooldef.ParseUUID(id); !ok || canonical != id {
		return e, pooldef.Problems{{File: e.File, Text: "the file of a secret has to be named after its uuid, in small letters"}}
	}
	e.HasValue = exists(valueFile(e.File)) || s.Credentials != "" && exists(filepath.Join(s.Credentials, id))
	return e, s.readSecret(e)
}

// readSecret reads the definition, which has to be of the secret that the file is named after.
func (s *Store) readSecret(e *SecretEntry) error {
	data, doubt, err := s.readSecretFile(e.File, codec.MaxInput)
	if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
		return fmt.Errorf("%w: %s", pooldef.ErrNoSecret, e.UUID)
	}
	if err != nil {
		return err
	}
	secret, warnings, err := codec.ReadSecret(e.File, data, false)
	switch {
	case err != nil:
		return err
	case secret.UUID != "" && secret.UUID != e.UUID:
		return pooldef.Problems{{File: e.File, Element: "uuid", Text: fmt.Sprintf("%q is not the file's name %q", secret.UUID, e.UUID)}}
	}
	secret.UUID = e.UUID
	e.Secret, e.Warnings = secret, warnings
	if doubt != nil {
		e.Warnings = append(e.Warnings, pooldef.Problem{Text: doubt.Error()})
	}
	return nil
}
