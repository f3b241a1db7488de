package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/pooldef"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

// encrypted returns a value as libvirt 12.1.0 writes it.
func encrypted(t *testing.T, value string, key []byte) string {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	padding := aes.BlockSize - len(value)%aes.BlockSize
	data := append(bytes.Repeat([]byte("i"), aes.BlockSize), value...)
	data = append(data, bytes.Repeat([]byte{byte(padding)}, padding)...)
	body := data[aes.BlockSize:]
	cipher.NewCBCEncrypter(block, data[:aes.BlockSize]).CryptBlocks(body, body)
	return base64.StdEncoding.EncodeToString(data)
}

// write writes a file of mode 0600 and its directory.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := (&diskFiles{}).WritePrivate(file, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// TestEncryptedSecrets checks that values that libvirt has encrypted are decrypted with the key of
// secret.conf, of a credential and of a sealed credential, in this order, in libvirt's directory and in
// poolctl's own.
func TestEncryptedSecrets(t *testing.T) {
	for _, test := range []struct{ conf, credential, sealed string }{
		{conf: "# a key\n secrets_encryption_key = \"KEY\" # here\nencrypt_data = 0\n", credential: "x",
			sealed: "x"},
		{conf: "secrets_encryption_key='KEY'"},
		{conf: "#secrets_encryption_key = \"/nowhere\"\n", credential: string(testKey), sealed: "x"},
		{sealed: string(testKey)},
	} {
		s := newStore(t)
		s.LibvirtDir, s.Credentials = t.TempDir(), t.TempDir()
		s.SealedKey = filepath.Join(t.TempDir(), "sealed")
		s.Unseal = func(name, file string) ([]byte, error) {
			if name != "secrets-encryption-key" || file != s.SealedKey {
				t.Errorf("unsealed is %s as %s", file, name)
			}
			return os.ReadFile(file)
		}
		key := filepath.Join(t.TempDir(), "key")
		write(t, key, string(testKey))
		for file, text := range map[string]string{
			s.LibvirtDir + "/secret.conf":             strings.ReplaceAll(test.conf, "KEY", key),
			s.Credentials + "/secrets-encryption-key": test.credential, s.SealedKey: test.sealed,
		} {
			if text != "" {
				write(t, file, text)
			}
		}
		theirs := &Store{ConfigDir: s.LibvirtDir, Files: &diskFiles{}}
		for n, in := range map[int]*Store{1: theirs, 2: s} {
			in.defineSecret(t, pooldef.Secret{UUID: idOf(n), UsageType: "none", Private: true})
			file := filepath.Join(in.ConfigDir, "secrets", idOf(n)+".aes256cbc")
			write(t, file, encrypted(t, "hello", testKey))
			value, err := s.SecretValue(pooldef.SecretRef{UUID: idOf(n)}, "ceph")
			if err != nil || string(value) != "hello" || !isLocked(t, &value[0]) {
				t.Errorf("%+v: %q, error %v", test, value, err)
			}
			if got := s.SecretFile(pooldef.SecretRef{UUID: idOf(n)}, "ceph"); got != file {
				t.Error(got)
			}
		}
		if e := s.secret(t, idOf(2)); !e.HasValue {
			t.Errorf("%+v", e)
		}
	}
}

// TestUnreadableEncryptedSecrets checks the errors for keys that are missing or wrong, and that they contain
// no bytes of key or value.
func TestUnreadableEncryptedSecrets(t *testing.T) {
	s := newStore(t)
	s.LibvirtDir, s.SealedKey = t.TempDir(), "/sealed"
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "none"})
	good := encrypted(t, "hello", testKey)
	key := filepath.Join(s.LibvirtDir, "key")
	setting := `secrets_encryption_key = "` + key + `"`
	for _, test := range []struct{ conf, key, value, want string }{
		{"", "", good, "there is no key: LIBVIRT/secret.conf names none, and neither the credential " +
			"secrets-encryption-key nor /sealed exists"},
		{"secrets_encryption_key = key", "", good,
			"secrets_encryption_key in LIBVIRT/secret.conf is not an absolute path in quotes"},
		{setting, "", good, "open LIBVIRT/key: no such file or directory"},
		{setting, string(testKey[:31]), good, "the key in LIBVIRT/key has 31 bytes, not 32"},
		{setting, strings.Repeat("x", 32), good, "it cannot be decrypted with the key in LIBVIRT/key"},
		{setting, string(testKey), good[:len(good)-4], "the file is damaged"},
		{setting, string(testKey), "aGVsbG8=", "the file is damaged"},
		{setting, string(testKey), "hello", "it is not base64"},
		{setting, string(testKey), encrypted(t, "", testKey), "the value is empty"},
	} {
		write(t, filepath.Join(s.LibvirtDir, "secret.conf"), test.conf)
		_ = os.Remove(key)
		if test.key != "" {
			write(t, key, test.key)
		}
		write(t, filepath.Join(s.ConfigDir, "secrets", idOf(1)+".aes256cbc"), test.value)
		_, err := s.ValueOf(s.secret(t, idOf(1)))
		failed, ok := errors.AsType[*EncryptedError](err)
		if !ok || strings.ReplaceAll(failed.Reason.Error(), s.LibvirtDir, "LIBVIRT") != test.want ||
			!errors.Is(err, pooldef.ErrNoValue) || failed.HintLine() != "poolctl secret-set-value "+idOf(1) {
			t.Errorf("got %v\nwant %s", err, test.want)
		}
	}
	write(t, key, string(testKey))
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ValueOf(s.secret(t, idOf(1))); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

// TestFormsOfValue checks that base64 takes precedence, as in libvirt, and that a new value, a new place and
// undefining leave no other form.
func TestFormsOfValue(t *testing.T) {
	s := newStore(t)
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "none"})
	name := filepath.Join(s.ConfigDir, "secrets", idOf(1))
	write(t, name+".aes256cbc", encrypted(t, "old", testKey))
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "none", Ephemeral: true})
	if exists(name+".aes256cbc") || !s.secret(t, idOf(1)).HasValue {
		t.Error(s.files(t))
	}
	s.defineSecret(t, pooldef.Secret{UUID: idOf(1), UsageType: "none"})
	write(t, name+".base64", "bmV3")
	if value, err := s.ValueOf(s.secret(t, idOf(1))); err != nil || string(value) != "new" {
		t.Errorf("%q, error %v", value, err)
	}
	s.setValue(t, idOf(1), "newer")
	if exists(name + ".aes256cbc") {
		t.Error(s.files(t))
	}
	write(t, name+".aes256cbc", encrypted(t, "old", testKey))
	if err := s.UndefineSecret(s.secret(t, idOf(1))); err != nil ||
		s.files(t) != "0700 etc/secrets\n0700 run/secrets" {
		t.Errorf("%s, error %v", s.files(t), err)
	}
}
