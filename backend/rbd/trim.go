package rbd

import (
	"context"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Trim implements backend.Trimmer. rbd finds the zeros, by objects, and reports no progress.
func (b *Backend) Trim(ctx context.Context, p *pooldef.Pool, name string, _ host.Progress) error {
	if _, err := b.info(ctx, p, name); err != nil {
		return err
	}
	at, _ := placeOf(p)
	if err := b.checkNotInUse(ctx, p, at, name, false, false); err != nil {
		return err
	}
	return mapErrNotFound(b.change(ctx, p, "sparsify", at, name, quiet), name)
}
