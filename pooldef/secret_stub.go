package pooldef

import "errors"

// Secret stands here until the branch secrets is merged.
type Secret struct{ UUID string }

// ErrNoSecret too.
var ErrNoSecret = errors.New("no such secret")

// SecretValue too.
func (s *Store) SecretValue(SecretRef, string) ([]byte, error) { return nil, ErrNoSecret }

// SecretOf too.
func (s *Store) SecretOf(string, string) (*Secret, error) { return nil, nil }

// SecretFile too.
func (s *Store) SecretFile(SecretRef, string) string { return "" }
