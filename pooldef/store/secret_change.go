package store

import (
	"encoding/base64"
	"fmt"
	"path/filepath"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// DefineSecret writes a secret's definition and replaces an older one with the same UUID. The value stays. A
// definition without a UUID gets one. A definition that contradicts another one is a pooldef.ConflictError.
func (s *Store) DefineSecret(secret *pooldef.Secret) error {
	if secret.UUID == "" {
		secret.UUID = pooldef.NewUUID()
	}
	entries, err := s.Secrets()
	if err != nil {
		return err
	}
	old := ""
	for _, e := range entries {
		if e.UUID == secret.UUID {
			if e.Err != nil {
				return fmt.Errorf("the existing definition of secret %s cannot be used: %w", e.UUID, e.Err)
			}
			old = e.File
		}
		if err := checkSecret(secret, e.Secret); err != nil {
			return err
		}
	}
	file := s.secretFile(secret)
	err = s.Files.WritePrivate(file, []byte(codec.SecretElement(secret).String()))
	if err != nil || old == "" || old == file {
		return err
	}
	return s.moveValue(old, file)
}

// checkSecret returns a ConflictError if secret contradicts other, by libvirt's rules: the usage of a secret
// cannot change, a private secret stays private, and each usage has at most one secret. other is nil if its
// definition cannot be used.
func checkSecret(secret, other *pooldef.Secret) error {
	if other == nil {
		return nil
	}
	sameUsage := other.UsageType == secret.UsageType && other.Usage == secret.Usage
	switch {
	case other.UUID == secret.UUID && !sameUsage:
		return conflictf("secret %s is already defined for use with %q", other.UUID, other.Purpose())
	case other.UUID == secret.UUID && other.Private && !secret.Private:
		return conflictf("secret %s is private: that cannot be changed", other.UUID)
	case other.UUID != secret.UUID && sameUsage && secret.UsageType != "none":
		return conflictf("secret %s is already defined for use with %q", other.UUID, other.Purpose())
	}
	return nil
}

// moveValue moves the value when a secret changes between ephemeral and persistent, and removes the old
// definition.
func (s *Store) moveValue(old, file string) error {
	if value := existingValue(old); value != "" {
		text, _, err := s.readSecretFile(value, maxEncoded)
		if err == nil {
			err = s.Files.WriteSecret(filepath.Join(filepath.Dir(file), filepath.Base(value)), text)
		}
		if err != nil {
			return err
		}
	}
	return s.removeSecret(old)
}

// SetSecretValue stores the value of a secret, and removes all other forms of its value. The value must have
// passed CheckSecret.
func (s *Store) SetSecretValue(e *SecretEntry, value []byte) error {
	err := s.Files.WriteSecret(valueFile(e.File), base64.StdEncoding.AppendEncode(nil, value))
	if err != nil {
		return err
	}
	return s.removeFiles(valueFiles(e.File)[1:])
}

// UndefineSecret removes a secret and its value, even if the definition cannot be used.
func (s *Store) UndefineSecret(e *SecretEntry) error { return s.removeSecret(e.File) }

// removeSecret removes all forms of a value, then its definition, so that an interruption does not leave a
// value without a definition.
func (s *Store) removeSecret(file string) error {
	if err := s.removeFiles(valueFiles(file)); err != nil {
		return err
	}
	return s.Files.Remove(file)
}

// removeFiles removes those of the files that exist.
func (s *Store) removeFiles(files []string) error {
	for _, file := range files {
		if !exists(file) {
			continue
		}
		if err := s.Files.Remove(file); err != nil {
			return err
		}
	}
	return nil
}
