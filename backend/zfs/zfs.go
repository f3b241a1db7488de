// Package zfs manages pools whose volumes are the volumes (zvols) of a ZFS dataset: of a whole zpool, or of a file system in one.
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
	timeout time.Duration // for ZFS to answer: it waits for devices that do not
}

// New returns the backend.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	b := &Backend{blockvol.Devices{Host: h, Secrets: s}, timeout}
	b.Find = b.transferableVolume
	return b
}

// Active implements backend.Backend. A zpool may have been imported by anybody, such as the system when it starts; the pool is active when
// it has been started besides, and its dataset is there. Of a suspended zpool that cannot be told: Space has the reason.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	name, err := dataset(p)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return false, err
	}
	switch state := stateOf(name); {
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

// Space implements backend.Backend, as ZFS counts for volumes: what is reserved is allocated, what quotas, parity and ZFS's own needs
// keep away is not there. libvirt tells of the devices instead, of which nothing is allocated until it is written to.
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
