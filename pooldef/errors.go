package pooldef

import (
	"errors"
	"strings"
)

// ErrNoSecret is wrapped by errors about a secret that does not exist.
var ErrNoSecret = errors.New("no such secret")

// ErrNoValue is wrapped by errors about a secret whose value is not set or cannot be read.
var ErrNoValue = errors.New("it has no value")

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
