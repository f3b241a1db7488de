package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"poolctl/backend/fault"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// libvirt, since version 12.1.0, encrypts the values of persistent secrets: UUID.aes256cbc is the base64 text
// of an initialisation vector of 16 bytes and the value, encrypted by AES-256 in CBC mode with the padding of
// PKCS #7 (RFC 5652, 6.3). See https://libvirt.org/secretencryption.html.
const (
	encryptionKeySize = 32
	encryptionKeyName = "secrets-encryption-key" // of the systemd credential, also of a sealed one
)

// keySetting matches the line of libvirt's secret.conf that names the file with the key.
var keySetting = lazy.Regexp(
	`(?m)^[ \t]*secrets_encryption_key[ \t]*=[ \t]*(?:"(/[^"\n]*)"|'(/[^'\n]*)')?.*$`)

// An EncryptedError reports that libvirt has encrypted a value, and that poolctl cannot decrypt it. It wraps
// pooldef.ErrNoValue. It contains neither the value nor the key.
type EncryptedError struct {
	UUID, File string
	IsLibvirt  bool // defined by libvirt
	Reason     error
}

func (e *EncryptedError) Error() string {
	return fmt.Sprintf("the value of secret %s is encrypted in %s: %s", e.UUID, e.File, e.Reason)
}

// Kind implements [fault.Error].
func (*EncryptedError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *EncryptedError) HintLine() string {
	if e.IsLibvirt {
		return fmt.Sprintf(
			"virsh secret-dumpxml %[1]s | poolctl secret-define - && poolctl secret-set-value %[1]s", e.UUID)
	}
	return "poolctl secret-set-value " + e.UUID
}

// Unwrap returns pooldef.ErrNoValue.
func (e *EncryptedError) Unwrap() error { return pooldef.ErrNoValue }

// decryptValue returns the value of a secret whose encrypted text is in file.
func (s *Store) decryptValue(e *SecretEntry, file string, text []byte) ([]byte, error) {
	key, source, err := s.encryptionKey()
	if errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	var value []byte
	if err == nil {
		value, err = decrypt(text, key)
	}
	if errors.Is(err, errWrongKey) {
		err = fmt.Errorf("%w %s", err, source)
	}
	if err != nil {
		return nil, &EncryptedError{e.UUID, file, e.IsLibvirt, err}
	}
	return value, nil
}

var errWrongKey = errors.New("it cannot be decrypted with the key in")

// decrypt decrypts a value. The padding is the only sign of a wrong key, which one in 256 wrong keys passes.
func decrypt(text, key []byte) ([]byte, error) {
	data, err := decodeBase64(text)
	if err != nil {
		return nil, err
	}
	if len(data) < 2*aes.BlockSize || len(data)%aes.BlockSize != 0 {
		return nil, errors.New("the file is damaged")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	value := data[aes.BlockSize:]
	cipher.NewCBCDecrypter(block, data[:aes.BlockSize]).CryptBlocks(value, value)
	last := value[len(value)-1]
	if last == 0 || last > aes.BlockSize {
		return nil, errWrongKey
	}
	value, padding := value[:len(value)-int(last)], value[len(value)-int(last):]
	if !bytes.Equal(padding, bytes.Repeat([]byte{last}, int(last))) {
		return nil, errWrongKey
	}
	return value, CheckSecret(value)
}

// encryptionKey returns libvirt's key and the file that contains it. libvirt looks in the same places, in
// this order: the file that secret.conf names, a systemd credential, and the credential that systemd has
// sealed for libvirt's daemon.
func (s *Store) encryptionKey() (key []byte, source string, err error) {
	source, err = s.keyFile()
	switch {
	case err != nil:
		return nil, "", err
	case source != "":
		key, err = s.readKey(source, 0o077)
	case s.Credentials != "" && exists(filepath.Join(s.Credentials, encryptionKeyName)):
		source = filepath.Join(s.Credentials, encryptionKeyName)
		key, err = s.readKey(source, 0o022)
	case s.SealedKey != "" && exists(s.SealedKey):
		source = s.SealedKey
		key, err = s.Unseal(encryptionKeyName, source)
	default:
		return nil, "", fmt.Errorf("there is no key: %s names none, and neither the credential %s nor %s exists",
			filepath.Join(s.LibvirtDir, "secret.conf"), encryptionKeyName, s.SealedKey)
	}
	if err == nil && len(key) != encryptionKeySize {
		err = fmt.Errorf("the key in %s has %d bytes, not %d", source, len(key), encryptionKeySize)
	}
	return key, source, err
}

// readKey reads a key, which no other user may change, nor use if forbidden says so.
func (s *Store) readKey(file string, forbidden uint32) ([]byte, error) {
	d := s.openDirectory(filepath.Dir(file))
	defer d.close()
	return d.readSecret(filepath.Base(file), forbidden, MaxSecret)
}

// keyFile returns the path of the key that libvirt's secret.conf names, or "" if it names none.
func (s *Store) keyFile() (string, error) {
	if s.LibvirtDir == "" {
		return "", nil
	}
	d := s.openDirectory(s.LibvirtDir)
	defer d.close()
	text, _, err := d.read("secret.conf")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	found := keySetting().FindSubmatch(text)
	if found == nil {
		return "", nil
	}
	file := string(found[1]) + string(found[2])
	if file == "" {
		return "", fmt.Errorf("secrets_encryption_key in %s is not an absolute path in quotes",
			filepath.Join(s.LibvirtDir, "secret.conf"))
	}
	return file, nil
}
