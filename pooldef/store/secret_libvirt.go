package store

import (
	"errors"
	"fmt"
	"path/filepath"

	"poolctl/backend/fault"
	"poolctl/pooldef"
)

// libvirtStore returns a store of libvirt's secrets. It only reads them, because libvirt's daemon also keeps
// them in memory.
func (s *Store) libvirtStore() *Store {
	return &Store{ConfigDir: s.LibvirtDir, Credentials: s.Credentials, isLibvirt: true}
}

// secretByUUID returns the secret with a UUID, from poolctl's definitions or, if there is none, from
// libvirt's.
func (s *Store) secretByUUID(id string) (*SecretEntry, error) {
	e, err := s.loadSecret(id)
	if s.LibvirtDir != "" && errors.Is(err, pooldef.ErrNoSecret) {
		return s.libvirtStore().loadSecret(id)
	}
	return e, err
}

// secretByUsage returns the secret with a usage, from poolctl's definitions or, if there is none, from
// libvirt's. It returns nil if neither has one.
func (s *Store) secretByUsage(usageType, usage string) (*SecretEntry, error) {
	e, err := s.ownSecretByUsage(usageType, usage)
	if s.LibvirtDir != "" && e == nil && err == nil {
		return s.libvirtStore().ownSecretByUsage(usageType, usage)
	}
	return e, err
}

// sealedSuffix is the suffix of values that libvirt, since version 12.1.0, has encrypted with a key that
// systemd usually seals (https://libvirt.org/secretencryption.html).
const sealedSuffix = ".aes256cbc"

// A SealedError reports that libvirt has encrypted a value. It wraps pooldef.ErrNoValue.
type SealedError struct{ UUID, File string }

func (e *SealedError) Error() string {
	return fmt.Sprintf("the value of secret %s is encrypted by libvirt, and only libvirt can read %s",
		e.UUID, filepath.Clean(e.File))
}

// Kind implements [fault.Error].
func (*SealedError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *SealedError) HintLine() string {
	return fmt.Sprintf("virsh secret-dumpxml %[1]s | poolctl secret-define - && "+
		"virsh secret-get-value %[1]s | poolctl secret-set-value %[1]s", e.UUID)
}

// Unwrap returns pooldef.ErrNoValue.
func (e *SealedError) Unwrap() error { return pooldef.ErrNoValue }
