package store

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"poolctl/backend/fault"
	"poolctl/pooldef"
)

// MaxSecret is the maximum size of a secret's value, in bytes: libvirt's limit.
const MaxSecret = 65536

// maxEncoded is the maximum size of a file with a value in base64, in bytes. It leaves room for line feeds.
const maxEncoded = 2 * MaxSecret

// A NoValueError reports that no value was set for a secret. It wraps pooldef.ErrNoValue.
type NoValueError struct {
	UUID      string
	IsLibvirt bool // defined by libvirt
}

func (e *NoValueError) Error() string { return fmt.Sprintf("secret %s has no value", e.UUID) }

// Kind implements [fault.Error].
func (*NoValueError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (e *NoValueError) HintLine() string {
	if e.IsLibvirt {
		return "virsh secret-set-value " + e.UUID
	}
	return "poolctl secret-set-value " + e.UUID
}

// Unwrap returns pooldef.ErrNoValue.
func (e *NoValueError) Unwrap() error { return pooldef.ErrNoValue }

// SecretValue returns the value of the secret that ref names: by UUID, or by usage among the secrets of
// usageType (volume, ceph, iscsi). The value is for poolctl's own use, so private secrets are included. As
// with libvirt, a secret of another usage type is an error. Errors wrap pooldef.ErrNoSecret,
// pooldef.ErrNoValue or fs.ErrPermission.
//
// A systemd credential named after the secret's UUID takes precedence, and needs no definition.
func (s *Store) SecretValue(ref pooldef.SecretRef, usageType string) ([]byte, error) {
	if ref.UUID != "" {
		if value, err := s.credential(ref.UUID); value != nil || err != nil {
			return value, err
		}
	}
	e, err := s.resolve(ref, usageType)
	if err != nil {
		return nil, err
	}
	return s.ValueOf(e)
}

// SecretFile returns the path of the value that SecretValue returns, for messages. The file contains base64,
// or, if it is a credential, the value itself, or, if it ends in .aes256cbc, the encrypted value. The path is
// empty if the secret does not exist.
func (s *Store) SecretFile(ref pooldef.SecretRef, usageType string) string {
	e, err := s.resolve(ref, usageType)
	if err == nil {
		ref.UUID = e.UUID
	}
	if file := filepath.Join(s.Credentials, ref.UUID); s.Credentials != "" && ref.UUID != "" && exists(file) {
		return file
	}
	if err != nil {
		return ""
	}
	return cmp.Or(existingValue(e.File), valueFile(e.File))
}

// resolve returns the secret that a reference names, which must have usageType or none.
func (s *Store) resolve(ref pooldef.SecretRef, usageType string) (*SecretEntry, error) {
	if ref.UUID == "" {
		e, err := s.secretByUsage(usageType, ref.Usage)
		if err == nil && e == nil {
			err = &pooldef.NoSecretError{Type: usageType, Usage: ref.Usage}
		}
		return e, err
	}
	e, err := s.secretByUUID(ref.UUID)
	if err != nil {
		return nil, err
	}
	if t := e.Secret.UsageType; t != usageType && t != "none" {
		return nil, fmt.Errorf("%w: %s is for %s, not for %s", pooldef.ErrNoSecret, e.UUID, t, usageType)
	}
	return e, nil
}

// CheckValue returns the error of SecretValue if the secret that ref names does not exist, cannot be used or
// has no value. It does not read the value.
func (s *Store) CheckValue(ref pooldef.SecretRef, usageType string) error {
	if s.Credentials != "" && ref.UUID != "" && exists(filepath.Join(s.Credentials, ref.UUID)) {
		return nil
	}
	e, err := s.resolve(ref, usageType)
	if err == nil && !e.HasValue {
		err = &NoValueError{e.UUID, e.IsLibvirt}
	}
	return err
}

// CheckReadable returns a [TrustError] if other users can read or change the file with a secret's value.
func (s *Store) CheckReadable(e *SecretEntry) error {
	file := existingValue(e.File)
	if file == "" { // the value is a credential
		return nil
	}
	d := s.openSecrets(filepath.Dir(file))
	defer d.close()
	f, err := d.openRegular(filepath.Base(file))
	if err != nil {
		return err
	}
	defer f.close()
	return checkTrust(file, &f.stat, 0o077)
}

// ValueOf returns the value of a secret that can be used, even of a private one.
func (s *Store) ValueOf(e *SecretEntry) ([]byte, error) {
	if value, err := s.credential(e.UUID); value != nil || err != nil {
		return value, err
	}
	file := cmp.Or(existingValue(e.File), valueFile(e.File))
	text, _, err := s.readSecretFile(file, maxEncoded)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoValueError{e.UUID, e.IsLibvirt}
	}
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(file, encryptedSuffix) {
		return s.decryptValue(e, file, text)
	}
	value, err := DecodeSecret(text)
	if err != nil {
		return nil, pooldef.ProblemsIn(file, err)
	}
	return value, nil
}

// DecodeSecret decodes a value in base64 from a file, ignoring blanks and line feeds. Errors are Problems,
// which do not contain the value.
func DecodeSecret(text []byte) ([]byte, error) {
	value, err := decodeBase64(text)
	if err != nil {
		return nil, err
	}
	return value, CheckSecret(value)
}

func decodeBase64(text []byte) ([]byte, error) {
	joined := lockedBuffer(len(text))[:0]
	for field := range bytes.FieldsSeq(text) {
		joined = append(joined, field...)
	}
	value := lockedBuffer(base64.StdEncoding.DecodedLen(len(joined)))
	n, err := base64.StdEncoding.Strict().Decode(value, joined)
	if err != nil {
		return nil, pooldef.Problems{{Text: "it is not base64"}}
	}
	return value[:n], nil
}

// CheckSecret returns Problems if a secret cannot have this value: it must not be empty or larger than
// MaxSecret.
func CheckSecret(value []byte) error {
	switch {
	case len(value) == 0:
		return pooldef.Problems{{Text: "the value is empty"}}
	case len(value) > MaxSecret:
		return pooldef.Problems{{Text: fmt.Sprintf("the value is larger than %d bytes", MaxSecret)}}
	}
	return nil
}

// credential returns the systemd credential named after a secret's UUID (systemd.exec(5)), or nil if there is
// none. systemd decides who may read it. But a directory or file that belongs to another user, or that others
// may write to, is a TrustError for every user, because a value must not silently come from somebody else.
func (s *Store) credential(id string) ([]byte, error) {
	if s.Credentials == "" {
		return nil, nil
	}
	d := s.openDirectory(s.Credentials)
	defer d.close()
	if d.warning != nil {
		return nil, d.warning
	}
	value, err := d.readSecret(id, 0o022, MaxSecret)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := CheckSecret(value); err != nil {
		return nil, pooldef.ProblemsIn(filepath.Join(s.Credentials, id), err)
	}
	return value, nil
}
