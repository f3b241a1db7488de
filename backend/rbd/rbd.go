// Package rbd manages pools whose volumes are the images of a Ceph pool: RADOS block devices. Ceph's own programs do the work, and are told
// all that they need of the cluster: nothing of /etc/ceph is used where the definition has a login.
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

// New returns the backend. A monitor or an OSD may take as long as timeout to answer; Ceph's own programs would wait for five minutes, or
// for ever.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	return &Backend{h, s, timeout}
}

// Active implements backend.Backend: the images can be listed. Why they cannot is an error.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	_, err := b.names(ctx, p)
	return err == nil, err
}

// ChecksActive implements backend.ActiveChecker.
func (b *Backend) ChecksActive() bool { return true }

// Space implements backend.Backend: what the whole cluster has, as libvirt counts, and what is stored in the pool.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	at, err := placeOf(p)
	if err != nil {
		return pooldef.Space{}, err
	}
	var answer usage
	if err := b.ask(ctx, p, &answer, "rados", "df", "--format=json"); err != nil {
		return pooldef.Space{}, err
	}
	for _, pool := range answer.Pools {
		if pool.Name == at.pool {
			return pooldef.Space{Capacity: answer.Total << 10, Allocation: pool.Size, Available: answer.Available << 10}, nil
		}
	}
	return pooldef.Space{}, noPool(at)
}

// A usage is what rados df tells.
type usage struct {
	Pools []struct {
		Name string
		Size uint64 `json:"size_bytes"`
	}
	Total     uint64 `json:"total_space"` // KiB
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

func noPool(at place) error {
	return &backend.StateError{Text: fmt.Sprintf("there is no Ceph pool %q", at.pool)}
}
