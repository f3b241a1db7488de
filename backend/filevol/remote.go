package filevol

import (
	"context"
	"fmt"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Remote manages the files of pools that are mounted from a server. Timeout is the time that the server may
// take to answer.
type Remote struct {
	Mounted
	Timeout time.Duration
}

// NewRemote returns a Remote. The caller sets IsSource.
func NewRemote(h host.Host, s backend.Secrets, timeout time.Duration) Remote {
	return Remote{Mounted{Files: Files{Host: h, Secrets: s, Mounts: true}}, timeout}
}

// Dependencies implements backend.Dependent.
func (b *Remote) Dependencies(p *pooldef.Pool) backend.Dependencies {
	d := b.Mounted.Dependencies(p)
	d.Network = true
	return d
}

// Active implements backend.Backend. If the server does not answer, Active returns an error, so that no later
// operation waits forever.
func (b *Remote) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	active, err := b.Mounted.Active(ctx, p)
	if active && err == nil {
		err = b.checkServer(ctx, p)
	}
	return active && err == nil, err
}

// checkServer returns an error if the server of a mounted pool does not answer. Another process asks the
// server, because only a process can be killed while it waits; a thread that waits would keep the pool from
// being unmounted.
func (b *Remote) checkServer(ctx context.Context, p *pooldef.Pool) error {
	limited, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	_, err := b.Host.Query(limited, host.Cmd("stat", "--file-system", "--format=%T", "--", p.Target.Path))
	if backend.IsTimeout(ctx, err) {
		return &backend.TimeoutError{Text: fmt.Sprintf("the server of the file system at %q does not answer",
			p.Target.Path)}
	}
	return err
}

// Space implements backend.Backend.
func (b *Remote) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	if _, err := b.Active(ctx, p); err != nil {
		return pooldef.Space{}, err
	}
	return b.Mounted.Space(ctx, p)
}

// Stop implements backend.Starter. If the server is gone, unmounting may have to wait for data that was not
// written; Stop then gives up after a while and leaves the mount. It uses half of the timeout, because the
// caller has already used up to one timeout to find out whether the pool is active.
func (b *Remote) Stop(ctx context.Context, p *pooldef.Pool) error {
	limited, cancel := context.WithTimeout(ctx, b.Timeout/2)
	defer cancel()
	err := b.Mounted.Stop(limited, p)
	if backend.IsTimeout(ctx, err) {
		return &backend.TimeoutError{Text: fmt.Sprintf("%q cannot be unmounted: its server does not answer",
			p.Target.Path)}
	}
	return err
}

// Build implements backend.Builder. It creates the directory.
func (b *Remote) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	if o.Overwrite || o.NoOverwrite {
		return &backend.UnsupportedError{Type: p.Type, What: "formatting: the pool has no device, only a server"}
	}
	if err := b.CheckNotMounted(ctx, p); err != nil {
		return err
	}
	return b.BuildDir(ctx, p)
}
