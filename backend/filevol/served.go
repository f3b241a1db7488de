package filevol

import (
	"context"
	"fmt"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Served are the files of pools that are mounted of a server, which may take as long as Timeout to answer.
type Served struct {
	Mounted
	Timeout time.Duration
}

// NewServed returns the files. IsSource is still to be set.
func NewServed(h host.Host, s backend.Secrets, timeout time.Duration) Served {
	return Served{Mounted{Files: Files{Host: h, Secrets: s, Mounts: true}}, timeout}
}

// Active implements backend.Backend. That the server does not answer is an error, before anything waits for it for ever.
func (b *Served) Active(ctx context.Context, p *pooldef.Pool) (bool, error) {
	active, err := b.Mounted.Active(ctx, p)
	if active && err == nil {
		err = b.answers(ctx, p)
	}
	return active && err == nil, err
}

// answers returns nil if the server of a mounted pool does. It is another process that asks, because only that can be ended when there
// is no answer, and what waits for one keeps the pool from being unmounted.
func (b *Served) answers(ctx context.Context, p *pooldef.Pool) error {
	limited, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	_, err := b.Host.Query(limited, host.Cmd("stat", "--file-system", "--format=%T", "--", p.Target.Path))
	if backend.IsTimeout(ctx, err) {
		return &backend.TimeoutError{Text: fmt.Sprintf("the server of what is mounted at %q does not answer", p.Target.Path)}
	}
	return err
}

// Space implements backend.Backend.
func (b *Served) Space(ctx context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	if _, err := b.Active(ctx, p); err != nil {
		return pooldef.Space{}, err
	}
	return b.Mounted.Space(ctx, p)
}

// Stop implements backend.Starter. A server that has gone may leave what was written to it unwritten; then it waits for a while, and
// leaves the mount alone. It takes half of the time: who stops a pool has asked before whether it is active.
func (b *Served) Stop(ctx context.Context, p *pooldef.Pool) error {
	limited, cancel := context.WithTimeout(ctx, b.Timeout/2)
	defer cancel()
	err := b.Mounted.Stop(limited, p)
	if backend.IsTimeout(ctx, err) {
		return &backend.TimeoutError{Text: fmt.Sprintf("%q cannot be unmounted: its server does not answer", p.Target.Path)}
	}
	return err
}

// Build implements backend.Builder: it makes the directory.
func (b *Served) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	if o.Overwrite || o.NoOverwrite {
		return &backend.UnsupportedError{Type: p.Type, What: "formatting: there is no device, only a server"}
	}
	if err := b.Free(ctx, p); err != nil {
		return err
	}
	return b.BuildDir(ctx, p)
}
