package store

import (
	"errors"
	"fmt"
	"path/filepath"

	"poolctl/pooldef"
)

// libvirts is a store of libvirt's secrets. They are only read: its daemon has them in its memory, too.
func (s *Store) libvirts() *Store {
	return &Store{ConfigDir: s.LibvirtDir, Credentials: s.Credentials, isLibvirt: true}
}

// usable returns the secret with a uuid: ours or, if there is none, libvirt's.
func (s *Store) usable(id string) (*SecretEntry, error) {
	e, err := s.loadSecret(id)
	if s.LibvirtDir != "" && errors.Is(err, pooldef.ErrNoSecret) {
		return s.libvirts().loadSecret(id)
	}
	return e, err
}

// usableOf returns the secret with a usage: ours or, if there is none, libvirt's; nil if there is none at all.
func (s *Store) usableOf(usageType, usage string) (*SecretEntry, error) {
	e, err := s.secretOf(usageType, usage)
	if s.LibvirtDir != "" && e == nil && err == nil {
		return s.libvirts().secretOf(usageType, usage)
	}
	return e, err
}

// sealedSuffix is that of values that libvirt has encrypted, since version 12.1.0, by a key that usually is sealed by systemd
// (https://libvirt.org/secretencryption.html).
const sealedSuffix = ".aes256cbc"

// A SealedError tells that a value is libvirt's, which has encrypted it.
type SealedError struct{ UUID, File string }

func (e *SealedError) Error() string {
	return fmt.Sprintf("the value of secret %s is encrypted by libvirt, which alone can read %s", e.UUID, filepath.Clean(e.File))
}

// Unwrap makes it ErrNoValue.
func (e *SealedError) Unwrap() error { return pooldef.ErrNoValue }
