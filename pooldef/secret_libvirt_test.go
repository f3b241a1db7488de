package pooldef

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestLibvirtSecrets has secrets of libvirt's: they are used where there is none of ours, and nothing else sees them.
func TestLibvirtSecrets(t *testing.T) {
	s := newStore(t)
	libvirt := t.TempDir()
	theirs := newStore(t)
	theirs.ConfigDir = libvirt
	theirs.defineSecret(t, Secret{UUID: idOf(1), UsageType: "ceph", Usage: "a", Private: true})
	theirs.setValue(t, idOf(1), "theirs")
	theirs.defineSecret(t, Secret{UUID: idOf(2), UsageType: "volume", Usage: "/x"})
	check := func(ref SecretRef, usageType, want string, wanted error) {
		t.Helper()
		if value, err := s.SecretValue(ref, usageType); string(value) != want || !errors.Is(err, wanted) {
			t.Errorf("%+v: %q, error %v", ref, value, err)
		}
	}
	byID, byUsage := SecretRef{UUID: idOf(1)}, SecretRef{Usage: "a"}
	check(byID, "ceph", "", ErrNoSecret)
	s.LibvirtDir = libvirt
	check(byID, "ceph", "theirs", nil)
	check(byUsage, "ceph", "theirs", nil)
	check(byUsage, "iscsi", "", ErrNoSecret)
	check(byID, "iscsi", "", ErrNoSecret)
	check(SecretRef{UUID: idOf(2)}, "volume", "", ErrNoValue)
	noValue := (*NoValueError)(nil)
	if _, err := s.SecretValue(SecretRef{UUID: idOf(2)}, "volume"); !errors.As(err, &noValue) || !noValue.IsLibvirt {
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
	if _, err := s.Secret("a"); !errors.Is(err, ErrNoSecret) {
		t.Error(err)
	}

	if err := os.Rename(file+".base64", file+".aes256cbc"); err != nil {
		t.Fatal(err)
	}
	sealed := (*SealedError)(nil)
	if _, err := s.SecretValue(byID, "ceph"); !errors.As(err, &sealed) || sealed.File != file+".aes256cbc" || !errors.Is(err, ErrNoValue) {
		t.Error(err)
	}

	s.defineSecret(t, Secret{UUID: idOf(3), UsageType: "ceph", Usage: "a"}) // ours comes first, value or not
	check(byUsage, "ceph", "", ErrNoValue)
	s.setValue(t, idOf(3), "ours")
	check(byUsage, "ceph", "ours", nil)
	s.defineSecret(t, Secret{UUID: idOf(2), UsageType: "none"})
	s.setValue(t, idOf(2), "ours, too")
	check(SecretRef{UUID: idOf(2)}, "volume", "ours, too", nil)
}
