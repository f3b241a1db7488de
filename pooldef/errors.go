package pooldef

import (
	"strings"

	"poolctl/fault"
)

// ErrNoSecret is what is wrapped when there is no such secret.
var ErrNoSecret = fault.WithHint(fault.NotFound, "no such secret", "poolctl secret-list")

// ErrNoValue is what a NoValueError is.
var ErrNoValue = fault.New(fault.State, "it has no value")

// A LockError tells that others held a lock for longer than we would wait.
type LockError struct {
	What    string
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
