// Package zfs manages pools of type zfs: the pool is a ZFS dataset (a whole zpool or a file system in one),
// and its volumes are the dataset's zvols.
//
// The package runs zfs and zpool, and asks the kernel for the state of zpools. Starting a pool imports its
// zpool from the devices that the definition names; a cache file records which zpools poolctl imported. zfs
// can wait forever for failed devices, so queries have a timeout, and changes end when the zpool is
// suspended.
//
// A new volume, and a snapshot made for it, has a temporary name until the volume is complete.
package zfs

import (
	"context"
	"errors"
	"strings"
	"time"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type zfs.
type Backend struct {
	blockvol.Devices
	timeout time.Duration // for ZFS to answer, which may wait for failed devices
}

// New returns the backend.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{blockvol.Devices{Host: h, Secrets: s}, timeout}
	b.Find = b.transferableVolume
	return b
}

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(p *pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Devices: blockvol.Sources(p),
		Services: []string{"zfs-import.target", "zfs-load-key.service"}}
}

// Active implements backend.Backend. A pool is active if it was started and its dataset exists. It is not
// enough that the zpool is imported, because the system may do that at boot. The pool of a suspended zpool
// counts as active, because the dataset cannot be queried; Space returns the reason.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	name, err := dataset(p)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return false, err
	}
	switch state := stateOf(b.Host, name); {
	case !p.Started || state == "":
		return false, nil
	case state == suspended || !strings.Contains(name, "/"):
		return true, nil
	}
	_, err = b.list(ctx, p)
	if errors.As(err, new(*backend.StateError)) {
		return false, nil
	}
	return err == nil, err
}

// Space implements backend.Backend. As ZFS counts for volumes, reservations are allocated, and the capacity
// excludes quotas, parity and ZFS's own data. libvirt reports the sizes of the devices instead, and no
// allocation before data is written.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	l, err := b.list(ctx, p)
	if err != nil {
		return pooldef.Space{}, err
	}
	if !p.Started {
		err = &backend.StateError{Text: "the pool has not been started"}
	}
	return pooldef.Space{Capacity: l.used + l.available, Allocation: l.used, Available: l.available}, err
}
