package rbd

import (
	"context"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Flatten implements backend.Flattener. An image that was the last clone of a snapshot made for clones takes
// the snapshot with it.
func (b *Backend) Flatten(ctx context.Context, p *pooldef.Pool, name string, _ backend.ChainOptions) error {
	i, err := b.info(ctx, p, name)
	if err != nil || i.Parent == nil {
		return err
	}
	at, _ := placeOf(p)
	if err := b.checkNotInUse(ctx, p, at, name, false, false); err != nil {
		return err
	}
	isLast, err := b.lastClone(ctx, p, i.Parent)
	if err != nil {
		return err
	}
	if err := b.change(ctx, p, "flatten", at, name, quiet); err != nil || !isLast {
		return mapErrNotFound(err, name)
	}
	return b.removeParent(context.WithoutCancel(ctx), p, i.Parent)
}
