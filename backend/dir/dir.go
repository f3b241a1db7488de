// Package dir manages pools of type dir: a directory in an existing file system. Building a pool creates the
// directory, starting it changes nothing. Everything else is in package filevol.
package dir

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/filevol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Backend manages pools of type dir. It has no backend.Starter, because starting changes nothing.
type Backend struct{ filevol.Files }

// New returns the backend.
func New(h host.Host, s backend.Secrets) *Backend {
	return &Backend{filevol.Files{Host: h, Secrets: s}}
}

// Dependencies implements backend.Dependent.
func (*Backend) Dependencies(p *pooldef.Pool) backend.Dependencies {
	return backend.Dependencies{Paths: []string{p.Target.Path}}
}

// Build implements backend.Builder.
func (b *Backend) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	if o.Overwrite || o.NoOverwrite {
		return &backend.UnsupportedError{Type: p.Type,
			What: "formatting: the pool has no device, only a directory"}
	}
	return b.BuildDir(ctx, p)
}

// DeletePool implements backend.PoolDeleter. It removes the directory, which must be empty.
func (b *Backend) DeletePool(ctx context.Context, p *pooldef.Pool) error { return b.RemoveDir(ctx, p) }
