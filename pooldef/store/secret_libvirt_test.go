package store

import (
	"errors"
	"path/filepath"
	"testing"

	"poolctl/pooldef"
)

// TestLibvirtSecrets checks that libvirt's secrets are used where poolctl defines none, and are not listed.
func TestLibvirtSecrets(t *testing.T) {
	s := newStore(t)
	libvirt := t.TempDir()
	theirs := newStore(t)
	theirs.ConfigDir = libvirt
	theirs.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "ceph", Usage: "a", Private: true})
	theirs.setValue(t, idOf(1), "theirs")
	theirs.defineSecret(t, pooldef.Secret{UUID: idOf(2), UsageType: "volume", Usage: "/x"})
	check := func(ref pooldef.SecretRef, usageType, want string, wanted error) {
		t.Helper()
		if value, err := s.SecretValue(ref, usageType); string(value) != want || !errors.Is(err, wanted) {
			t.Errorf("%+v: %q, error %v", ref, value, err)
		}
	}
	byID, byUsage := pooldef.SecretRef{UUID: idOf(1)}, pooldef.SecretRef{Usage: "a"}
	check(byID, "ceph", "", pooldef.ErrNoSecret)
	s.LibvirtDir = libvirt
	check(byID, "ceph", "theirs", nil)
	check(byUsage, "ceph", "theirs", nil)
	check(byUsage, "iscsi", "", pooldef.ErrNoSecret)
	check(byID, "iscsi", "", pooldef.ErrNoSecret)
	check(pooldef.SecretRef{UUID: idOf(2)}, "volume", "", pooldef.ErrNoValue)
	noValue := (*NoValueError)(nil)
	if _, err := s.SecretValue(pooldef.SecretRef{UUID: idOf(2)}, "volume"); !errors.As(err, &noValue) ||
		!noValue.IsLibvirt {
		t.Error(err)
	}
	file := filepath.Join(libvirt, "secrets", idOf(1))
	if got := s.SecretFile(byUsage, "ceph"); got != file+".base64" {
		t.Error(got)
	}
	if secret, err := s.SecretOf("volume", "/x"); err != nil || secret == nil || secret.UUID != idOf(2) {
		t.Errorf("%+v, error %v", secret, err)
	}
	if all, err := s.Secrets(); len(all) != 0 || err != nil {
		t.Errorf("listed are %d, error %v", len(all), err)
	}
	if _, err := s.Secret("a"); !errors.Is(err, pooldef.ErrNoSecret) {
		t.Error(err)
	}

	// poolctl's own secret takes precedence, with or without a value
	s.defineSecret(t, pooldef.Secret{UUID: idOf(3), UsageType: "ceph", Usage: "a"})
	check(byUsage, "ceph", "", pooldef.ErrNoValue)
	s.setValue(t, idOf(3), "ours")
	check(byUsage, "ceph", "ours", nil)
	s.defineSecret(t, pooldef.Secret{UUID: idOf(2), UsageType: "none"})
	s.setValue(t, idOf(2), "ours, too")
	check(pooldef.SecretRef{UUID: idOf(2)}, "volume", "ours, too", nil)
}
