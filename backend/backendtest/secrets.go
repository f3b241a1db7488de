package backendtest

import (
	"cmp"
	"path/filepath"
	"testing"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Secrets are passphrases by their UUIDs. "of v" names the secret of volumes that are called v.
type Secrets map[string]string

// SecretValue implements backend.Secrets.
func (s Secrets) SecretValue(ref pooldef.SecretRef, _ string) ([]byte, error) {
	if value, ok := s[ref.UUID]; ok {
		return []byte(value), nil
	}
	return nil, pooldef.ErrNoSecret
}

// SecretFile implements backend.Secrets.
func (s Secrets) SecretFile(ref pooldef.SecretRef, _ string) string {
	return "/secrets/" + cmp.Or(ref.UUID, ref.Usage) + ".base64"
}

// SecretOf implements backend.Secrets.
func (s Secrets) SecretOf(_, usage string) (*pooldef.Secret, error) {
	if uuid, ok := s["of "+filepath.Base(usage)]; ok {
		return &pooldef.Secret{UUID: uuid}, nil
	}
	return nil, nil
}

// LUKS is how a volume is encrypted whose passphrase has a UUID.
func LUKS(uuid string) *pooldef.Encryption {
	return &pooldef.Encryption{Format: "luks", Secrets: []pooldef.SecretRef{{Type: "passphrase", UUID: uuid}}}
}

// Encrypt makes an image that is encrypted: format is raw or qcow2. Unlike those that are made for users, it is opened at once.
func Encrypt(t testing.TB, path, format, passphrase string, data []byte) {
	t.Helper()
	dir := t.TempDir()
	key, plain := filepath.Join(dir, "key"), filepath.Join(dir, "plain")
	driver, options := "luks", "key-secret=key,iter-time=10"
	if format == "qcow2" {
		driver, options = "qcow2", "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10"
	}
	convert := host.Cmd("qemu-img", "convert", "-q", "--object", "secret,id=key,file="+key, "-f", "raw", "-O", driver, "-o", options, plain, path)
	convert.RetryOn = "CPU usage"
	Change(t, host.WriteFile{Path: key, Data: []byte(passphrase)}, host.WriteFile{Path: plain, Data: data}, convert)
}
