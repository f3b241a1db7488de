package rbd

import (
	"context"
	"errors"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Resize implements backend.Resizer. Added space reads as zeros.
func (b *Backend) Resize(
	ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions,
) error {
	i, err := b.info(ctx, p, name)
	if err != nil {
		return err
	}
	at, _ := placeOf(p)
	if size == i.Size { // Ceph does not round sizes
		return nil
	}
	if err := o.CheckShrink(i.Size, size); err != nil {
		return err
	}
	if size < i.Size {
		if err := b.checkNotInUse(ctx, p, at, name, false, false); err != nil {
			return err
		}
		return b.change(ctx, p, "resize", at, name, sizeOption(size), "--allow-shrink", quiet)
	}
	err = b.change(ctx, p, "resize", at, name, sizeOption(size), quiet)
	if err == nil && o.Allocate {
		err = b.importDiff(ctx, p, at, name, host.PipeIn{Size: size, Offset: i.Size, Length: size - i.Size})
	}
	if err != nil {
		err = errors.Join(err, b.shrinkBack(context.WithoutCancel(ctx), p, at, name, i))
	}
	return err
}

// shrinkBack undoes a growth that took effect.
func (b *Backend) shrinkBack(ctx context.Context, p *pooldef.Pool, at place, name string, old info) error {
	now, err := b.info(ctx, p, name)
	if err != nil || now.Size == old.Size || now.ID != old.ID {
		return err
	}
	return b.change(ctx, p, "resize", at, name, sizeOption(old.Size), "--allow-shrink", quiet)
}
