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
	name  string
	store *Store
}

func (e *noPoolError) Error() string { return fmt.Sprintf("%v: %q", ErrNoPool, e.name) }

// PoolName returns the name or uuid that was looked for.
func (e *noPoolError) PoolName() string { return e.name }

// Unwrap returns ErrNoPool.
func (*noPoolError) Unwrap() error { return ErrNoPool }

// Kind implements [fault.Error].
func (*noPoolError) Kind() fault.Kind { return fault.NotFound }

// HintLine implements [fault.Hinter]. Only here the names of all pools are read: most errors are never
// printed, because the caller creates the pool.
func (e *noPoolError) HintLine() string {
	config, run := e.store.openDirectory(e.store.ConfigDir), e.store.openDirectory(e.store.RunDir)
	defer config.close()
	defer run.close()
	names, _ := poolNames(config, run) // without the names, the hint is shorter
	if similar := format.Similar(e.name, names); similar != "" {
		return fmt.Sprintf("did you mean %q? (%s)", similar, listPools)
	}
	return listPools
}
