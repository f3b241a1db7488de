package store

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"poolctl/fault"
	"poolctl/pooldef"
)

// MaxSecret is the largest value of a secret, in bytes: libvirt's own limit.
const MaxSecret = 65536

// maxEncoded is how long a file with a value in base64 may be: there may be line feeds in it.
const maxEncoded = 2 * MaxSecret

// A NoValueError tells that a secret has no value yet.
type NoValueError struct {
	UUID      string
	IsLibvirt bool // it is one of libvirt's
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

// Unwrap makes it ErrNoValue.
func (e *NoValueError) Unwrap() error { return pooldef.ErrNoValue }

// SecretValue returns the value of the secret that ref names: by uuid, or by its usage among the secrets of usageType (volume,
// ceph, iscsi). It is for our own use: private ones have theirs told, too. A secret that is for something of another type is
// refused, as by libvirt. Errors wrap ErrNoSecret, ErrNoValue or fs.ErrPermission.
//
// A credential that systemd has given us under the secret's uuid comes first; no definition is needed then.
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

// SecretFile tells where the value is that SecretValue returns, for messages: in base64, or, if it is a credential, as it is. It is
// "" if there is no such secret.
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
	return valueFile(e.File)
}

// resolve returns the secret that a reference from among those of usageType names: ours or, if there is none, libvirt's.
func (s *Store) resolve(ref pooldef.SecretRef, usageType string) (*SecretEntry, error) {
	if ref.UUID == "" {
		e, err := s.secretByUsage(usageType, ref.Usage)
		if err == nil && e == nil {
			err = fmt.Errorf("%w: none is for %s %q", pooldef.ErrNoSecret, usageType, ref.Usage)
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

// ValueOf returns the value of a secret that can be used, of a private one, too.
func (s *Store) ValueOf(e *SecretEntry) ([]byte, error) {
	if value, err := s.credential(e.UUID); value != nil || err != nil {
		return value, err
	}
	if sealed := strings.TrimSuffix(e.File, ".xml") + sealedSuffix; exists(sealed) {
		return nil, &SealedError{e.UUID, sealed}
	}
	file := valueFile(e.File)
	text, _, err := s.readSecretFile(file, maxEncoded)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoValueError{e.UUID, e.IsLibvirt}
	}
	if err != nil {
		return nil, err
	}
	value, err := DecodeSecret(text)
	if err != nil {
		return nil, pooldef.ProblemsIn(file, err)
	}
	return value, nil
}

// DecodeSecret reads base64 that stands in a file: blanks and line feeds mean nothing. What is wrong is told, as Problems, without
// the value.
func DecodeSecret(text []byte) ([]byte, error) {
	joined := lockedBuffer(len(text))[:0]
	for field := range bytes.FieldsSeq(text) {
		joined = append(joined, field...)
	}
	value := lockedBuffer(base64.StdEncoding.DecodedLen(len(joined)))
	n, err := base64.StdEncoding.Strict().Decode(value, joined)
	if err != nil {
		return nil, pooldef.Problems{{Text: "it is not base64"}}
	}
	return value[:n], CheckSecret(value[:n])
}

// CheckSecret refuses, by Problems, what cannot be the value of a secret.
func CheckSecret(value []byte) error {
	switch {
	case len(value) == 0:
		return pooldef.Problems{{Text: "the value is empty"}}
	case len(value) > MaxSecret:
		return pooldef.Problems{{Text: fmt.Sprintf("the value is larger than %d bytes", MaxSecret)}}
	}
	return nil
}

// credential returns what systemd has put under a secret's uuid into the directory of our credentials (systemd.exec(5)), nil if
// there is nothing. Who may read it is systemd's business, but a directory or file that belongs to another user, or that others
// may write to, is a TrustError, for every user: a value must not silently come from elsewhere.
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
