// Package gluster manages pools of type gluster: a directory of a Gluster volume. Starting a pool changes
// nothing on this machine.
//
// For each operation, poolctl mounts the Gluster volume with a FUSE client in a private mount namespace,
// which ends with this process. The operation then works on local files (package filevol). A view converts
// between local paths and the gluster:// URIs that users see.
package gluster

import (
	"context"
	"fmt"
	"time"

	"poolctl/backend"
	"poolctl/backend/glusterd"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type gluster.
type Backend struct {
	host    host.Host
	secrets backend.Secrets
	timeout time.Duration
}

// New returns the backend. timeout is the time that a server may take to answer.
func New(h host.Host, s backend.Secrets, timeout time.Duration) *Backend {
	return &Backend{h, s, timeout}
}

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(*pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Network: true, Services: []string{"glusterd.service"}}
}

// Active implements backend.Backend. A pool is active if its directory can be used; otherwise, Space returns
// the reason.
func (b *Backend) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	v, err := b.openView(ctx, p)
	if err == nil {
		v.Close()
	}
	if backend.IsUnusable(err) {
		return false, nil
	}
	return err == nil, err
}

// Space implements backend.Backend.
func (b *Backend) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	return withView(ctx, b, p, func(v *view) (pooldef.Space, error) { return v.files.Space(ctx, v.pool) })
}

// Refresh implements backend.Refresher. It returns a warning if only a part of a distributed Gluster volume
// is online, because the files of the other part are missing.
func (b *Backend) Refresh(ctx context.Context, p *pooldef.Pool, _ time.Duration) error {
	return b.changeView(ctx, p, func(v *view) error {
		if err := v.checkComplete(ctx); err != nil {
			return &backend.Warning{Text: err.Error()}
		}
		return nil
	})
}

// StartDegraded implements backend.DegradedStarter. Every pool can be started of which a part is online; the
// names of missing volumes are not known.
func (b *Backend) StartDegraded(ctx context.Context, p *pooldef.Pool) ([]*pooldef.Volume, error) {
	v, err := b.openView(ctx, p)
	if err == nil {
		v.Close()
	}
	return nil, err
}

// Discover implements backend.Discoverer. It returns the Gluster volumes of a server.
func (b *Backend) Discover(ctx context.Context, spec *pooldef.Source) ([]pooldef.Source, error) {
	if len(spec.Hosts) != 1 {
		return nil, pooldef.Problems{{Element: "host",
			Text: fmt.Sprintf("exactly one host is needed, not %d", len(spec.Hosts))}}
	}
	server, err := spec.Hosts[0].Address()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	names, err := glusterd.Volumes(limited, b.host, server)
	var found []pooldef.Source
	for _, name := range names {
		found = append(found, pooldef.Source{Hosts: spec.Hosts, Dir: "/", Name: name})
	}
	return found, err
}
