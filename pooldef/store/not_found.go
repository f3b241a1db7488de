package store

import (
	"fmt"

	"poolctl/backend/fault"
	"poolctl/format"
)

// listPools is the hint of errors about pools that do not exist.
const listPools = "poolctl pool-list --all"

// ErrNoPool is wrapped by Load's error if no pool has the name.
var ErrNoPool = fault.WithHint(fault.NotFound, "Storage pool not found", listPools)

// A noPoolError wraps ErrNoPool. Its hint has the name that was probably meant.
type noPoolError struct {
	name    string
	similar string // the name of a pool, or ""
}

// newNoPoolError returns an error about a name that no pool in the directories has.
func newNoPoolError(name string, directories ...*directory) error {
	names, _ := poolNames(directories...) // without the names, the hint is shorter
	return &noPoolError{name, format.Similar(name, names)}
}

func (e *noPoolError) Error() string { return fmt.Sprintf("%v: %q", ErrNoPool, e.name) }

// Unwrap returns ErrNoPool.
func (*noPoolError) Unwrap() error { return ErrNoPool }

// Kind implements [fault.Error].
func (*noPoolError) Kind() fault.Kind { return fault.NotFound }

// HintLine implements [fault.Hinter].
func (e *noPoolError) HintLine() string {
	if e.similar == "" {
		return listPools
	}
	return fmt.Sprintf("did you mean %q? (%s)", e.similar, listPools)
}
