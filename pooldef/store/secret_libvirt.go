package store

import (
	"errors"

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
