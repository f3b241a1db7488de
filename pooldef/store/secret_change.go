package store

import (
	"encoding/base64"
	"fmt"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// DefineSecret stores a definition, in place of an older one with its uuid; the value stays. It gives it a uuid if it has none,
// and refuses one that contradicts the others.
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
				return fmt.Errorf("there is a definition of secret %s that cannot be used: %w", e.UUID, e.Err)
			}
			old = e.File
		}
		if err := checkSecret(secret, e.Secret); err != nil {
			return err
		}
	}
	file := s.secretFile(secret)
	if err := s.Files.WritePrivate(file, []byte(codec.SecretElement(secret).String())); err != nil || old == "" || old == file {
		return err
	}
	return s.moveValue(old, file)
}

// checkSecret refuses a definition that contradicts another, by libvirt's rules: what a secret is for cannot be changed, a private
// one stays so, and there is one secret for each usage. other is nil if it cannot be used.
func checkSecret(secret, other *pooldef.Secret) error {
	if other == nil {
		return nil
	}
	sameUsage := other.UsageType == secret.UsageType && other.Usage == secret.Usage
	switch {
	case other.UUID == secret.UUID && !sameUsage:
		return &pooldef.ConflictError{Text: fmt.Sprintf("secret %s is already defined for use with %q", other.UUID, other.Purpose())}
	case other.UUID == secret.UUID && other.Private && !secret.Private:
		return &pooldef.ConflictError{Text: fmt.Sprintf("secret %s is private: that cannot be changed", other.UUID)}
	case other.UUID != secret.UUID && sameUsage && secret.UsageType != "none":
		return &pooldef.ConflictError{Text: fmt.Sprintf("secret %s is already defined for use with %q", other.UUID, other.Purpose())}
	}
	return nil
}

// moveValue takes the value along when a secret has become ephemeral, or is so no longer, and removes the old definition.
func (s *Store) moveValue(old, file string) error {
	if exists(valueFile(old)) {
		text, _, err := s.readSecretFile(valueFile(old), maxEncoded)
		if err == nil {
			err = s.Files.WriteSecret(valueFile(file), text)
		}
		if err != nil {
			return err
		}
	}
	return s.removeSecret(old)
}

// SetSecretValue stores the value, which CheckSecret has let pass, of a secret that can be used.
func (s *Store) SetSecretValue(e *SecretEntry, value []byte) error {
	return s.Files.WriteSecret(valueFile(e.File), base64.StdEncoding.AppendEncode(nil, value))
}

// UndefineSecret removes a secret and its value, also one that cannot be used.
func (s *Store) UndefineSecret(e *SecretEntry) error { return s.removeSecret(e.File) }

// removeSecret removes a value, then its definition: whoever interrupts us shall not leave a value that nobody knows of.
func (s *Store) removeSecret(file string) error {
	if exists(valueFile(file)) {
		if err := s.Files.Remove(valueFile(file)); err != nil {
			return err
		}
	}
	return s.Files.Remove(file)
}
