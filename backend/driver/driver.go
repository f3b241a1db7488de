// Package driver implements what verbs do with pools and volumes. It finds them, takes locks, builds, starts,
// refreshes and stops pools, checks new definitions against the stored ones, and creates, clones and renames
// volumes. libvirt's name for this layer is the storage driver.
//
// A [Driver] connects the store, which has the definitions, with the backends, which have the storage. It
// parses no command line and prints nothing. Results and errors are returned, and warnings go to functions
// that the caller provides, so that every operation can be tested without a command line.
//
// Functions that return an unlock function hold the pool's lock until it is called. unlock is never nil, and
// may be called after an error, too.
package driver

import (
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A Driver runs operations on pools and volumes. Its fields do not change while an operation runs.
type Driver struct {
	Store    *store.Store
	Host     host.Host
	Backends map[pooldef.Type]backend.Backend
	// NewBackends returns backends that work on another host, such as one that changes nothing.
	NewBackends func(host.Host) map[pooldef.Type]backend.Backend

	Timeout     time.Duration // limits how long a server may take to answer
	LockTimeout time.Duration // limits the wait for other processes; 0: one attempt
	DryRun      bool          // Host changes nothing, so no locks are needed

	// PoolOption is the option that names a volume's pool, such as --pool, for error messages.
	PoolOption string

	// Warn reports a problem that does not stop an operation. The arguments are those of fmt.Errorf.
	Warn func(format string, args ...any)
	// WarnUnusable reports that a pool's definition cannot be used.
	WarnUnusable func(pool string, err error)
	// WarnWaiting reports that an operation waits for a lock, and for which process. nil: no report.
	WarnWaiting func(err error)
}

// Backend returns the backend for pools of a type, or a [backend.UnsupportedError].
func (d *Driver) Backend(t pooldef.Type) (backend.Backend, error) {
	b, ok := d.Backends[t]
	if !ok {
		return nil, &backend.UnsupportedError{Type: t}
	}
	return b, nil
}
