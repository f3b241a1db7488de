package store

import (
	"errors"
	"fmt"
	"path/filepath"

	"poolctl/fault"
	"poolctl/pooldef"
)

// libvirtStore is a store of libvirt's secrets. They are only read: its daemon has them in its memory, too.
func (s *Store) libvirtStore() *Store {
	return &Store{ConfigDir: s.LibvirtDir, Credentials: s.Credentials, isLibvirt: true}
}

// secretByUUID returns the secret with a uuid: ours or, if there is none, libvirt's.
func (s *Store) secretByUUID(id string) (*SecretEntry, error) {
	e, err := s.loadSecret(id)
	if s.LibvirtDir != "" && errors.Is(err, pooldef.ErrNoSecret) {
		return s.libvirtStore().loadSecret(id)
	}
	return e, err
}

// secretByUsage returns the secret with a usage: ours or, if there is none, libvirt's; nil if there is none at all.
func (s *Store) secretByUsage(usageType, usage string) (*SecretEntry, error) {
	e, err := s.ownSecretByUsage(usageType, usage)
	if s.LibvirtDir != "" && e == nil && err == nil {
		return s.libvirtStore().ownSecretByUsage(usageType, usage)
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

// Kind implements [fault.Error].
func (*SealedError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *SealedError) HintLine() string {
	return fmt.Sprintf("virsh secret-dumpxml %[1]s | poolctl secret-define - && "+
		"virsh secret-get-value %[1]s | poolctl secret-set-value %[1]s", e.UUID)
}

// Unwrap makes it ErrNoValue.
func (e *SealedError) Unwrap() error { return pooldef.ErrNoValue }
