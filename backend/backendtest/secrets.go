package backendtest

import (
	"cmp"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Secrets maps UUIDs to passphrases. The key "of NAME" maps to the UUID of the secret for volumes called
// NAME.
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

// LUKS returns the encryption of a volume whose passphrase is the secret with the UUID.
func LUKS(uuid string) *pooldef.Encryption {
	return &pooldef.Encryption{Format: "luks", Secrets: []pooldef.SecretRef{{Type: "passphrase", UUID: uuid}}}
}

// Encrypt creates an encrypted image of format raw or qcow2. Its key derivation takes 10 ms, much less than
// for images that poolctl creates. More options, such as cipher-mode=cbc, are qemu-img's.
func Encrypt(t testing.TB, path, format, passphrase string, data []byte, more ...string) {
	t.Helper()
	dir := t.TempDir()
	key, plain := filepath.Join(dir, "key"), filepath.Join(dir, "plain")
	driver, prefix, options := "luks", "", ""
	if format == "qcow2" {
		driver, prefix, options = "qcow2", "encrypt.", "encrypt.format=luks"
	}
	for _, o := range append(more, "key-secret=key", "iter-time=10") {
		options += "," + prefix + o
	}
	convert := host.Cmd("qemu-img", "convert", "-q", "--object", "secret,id=key,file="+key, "-f", "raw", "-O",
		driver, "-o", strings.TrimPrefix(options, ","), plain, path)
	convert.RetryOn = "CPU usage"
	Change(t, host.WriteFile{Path: key, Data: []byte(passphrase)}, host.WriteFile{Path: plain, Data: data},
		convert)
}
