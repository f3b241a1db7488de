package pooldef

import (
	"fmt"
	"strings"

	"poolctl/backend/fault"
)

// ErrNoSecret is wrapped by errors about a secret that does not exist.
var ErrNoSecret = fault.WithHint(fault.NotFound, "Secret not found", "poolctl secret-list")

// A NoSecretError reports that a secret that a definition or a user names does not exist. It wraps
// [ErrNoSecret].
type NoSecretError struct {
	UUID        string // empty if the secret is named by its usage
	Type, Usage string // the usage type and the usage
}

func (e *NoSecretError) Error() string {
	if e.UUID != "" {
		return ErrNoSecret.Error() + ": " + e.UUID
	}
	return fmt.Sprintf("%v: no secret for %s %q", ErrNoSecret, e.Type, e.Usage)
}

// Unwrap returns [ErrNoSecret].
func (*NoSecretError) Unwrap() error { return ErrNoSecret }

// Kind implements [fault.Error].
func (*NoSecretError) Kind() fault.Kind { return fault.NotFound }

// ErrNoValue is wrapped by errors about a secret whose value is not set or cannot be read.
var ErrNoValue = fault.New(fault.State, "it has no value")

// A LockError reports that other processes held a lock for longer than the lock timeout.
type LockError struct {
	What    string   // the locked object, for messages: pool "images"
	Holders []string // "poolctl vol-create images a 10G (pid 4711)"
}

func (e *LockError) Error() string {
	if len(e.Holders) == 0 {
		return e.What + " is locked by another process"
	}
	return e.What + " is locked by " + strings.Join(e.Holders, ", ")
}

// Kind implements [fault.Error].
func (*LockError) Kind() fault.Kind { return fault.Timeout }

// HintLine implements [fault.Hinter].
func (*LockError) HintLine() string { return "wait longer with --lock-timeout" }
