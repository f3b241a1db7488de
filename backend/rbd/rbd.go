// Package rbd manages pools of type rbd: the pool is a Ceph pool, or a namespace in one, and its volumes are
// RBD images (RADOS block devices).
//
// The package runs Ceph's own programs (rbd, rados, ceph), and passes them monitors, login and options. If
// the definition has a login, nothing in /etc/ceph is used. Data are transferred in rbd's diff format.
//
// A new image has a temporary name until it is complete. Clones are copy-on-write: they share a snapshot of
// their origin, which is removed with its last clone.
package rbd

import (
	"context"
	"fmt"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type rbd.
type Backend struct {
	host    host.Host
	secrets backend.Secrets
	timeout time.Duration
}

// New returns the backend. A monitor or an OSD must answer within timeout; Ceph's own programs would wait for
// five minutes, or forever.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	return &Backend{h, s, timeout}
}

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(*pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Network: true, Services: []string{"ceph.target"}}
}

// Active implements backend.Backend. A pool is active if its images can be listed. The reason why they cannot
// be listed is returned as an error.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	_, err := b.names(ctx, p)
	return err == nil, err
}

// ChecksActive implements backend.ActiveChecker.
func (b *Backend) ChecksActive() bool { return true }

// Space implements backend.Backend. As in libvirt, capacity and available space are those of the whole
// cluster; the allocation is the pool's.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	at, err := placeOf(p)
	if err != nil {
		return pooldef.Space{}, err
	}
	var answer usage
	if err := b.query(ctx, p, &answer, "rados", "df", "--format=json"); err != nil {
		return pooldef.Space{}, err
	}
	for _, pool := range answer.Pools {
		if pool.Name == at.pool {
			return pooldef.Space{
				Capacity: answer.Total << 10, Allocation: pool.Size, Available: answer.Available << 10,
			}, nil
		}
	}
	return pooldef.Space{}, noPoolError(at)
}

// A usage is the output of rados df.
type usage struct {
	Pools []struct {
		Name string
		Size uint64 `json:"size_bytes"`
	}
	Total     uint64 `json:"total_space"` // in KiB, as is Available
	Available uint64 `json:"total_avail"`
}

// check implements checker.
func (u *usage) check() error {
	const most = backend.MaxSize >> 10
	for field, kib := range map[string]uint64{"total_space": u.Total, "total_avail": u.Available} {
		if kib > most {
			return &backend.AnswerError{Tool: "rados", Field: field, Text: fmt.Sprint(kib)}
		}
	}
	for _, pool := range u.Pools {
		if err := backend.CheckSizes("rados", "size_bytes", pool.Size); err != nil {
			return err
		}
	}
	return nil
}

func noPoolError(at place) error {
	return &backend.StateError{Text: fmt.Sprintf("no Ceph pool %q", at.pool)}
}
