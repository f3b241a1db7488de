package zfs

import (
	"context"
	"errors"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// MoveTo implements backend.Mover by a rename, with its snapshots, if both datasets are in one zpool.
func (b *Backend) MoveTo(
	ctx context.Context, p *pooldef.Pool, name string, _ backend.Backend, target *pooldef.Pool, newName string,
) error {
	if target.Type != p.Type || zpool(p.Source.Name) != zpool(target.Source.Name) {
		return backend.ErrElsewhere
	}
	r, _, err := b.find(ctx, p, name)
	if err == nil {
		err = checkName(target, newName)
	}
	if err == nil {
		err = b.checkNotInUse(p, name)
	}
	if err != nil {
		return err
	}
	there, err := b.list(ctx, target)
	if err == nil && there.child(newName) != nil {
		err = existError(target, newName)
	}
	if err != nil {
		return err
	}
	err = b.change(ctx, p, zfs("rename", "--", key(p, name), key(target, newName)))
	switch {
	case err == nil:
		_ = b.await(ctx, target, newName, r.volmode) // the rename has succeeded
		return nil
	case host.StderrContains(err, "dataset already exists"):
		return existError(target, newName)
	}
	return errors.Join(mapErrNotFound(err, name), b.moveBack(context.WithoutCancel(ctx), p, r, target, newName))
}

// moveBack undoes a move that returned an error but took effect.
func (b *Backend) moveBack(
	ctx context.Context, p *pooldef.Pool, r *row, target *pooldef.Pool, newName string,
) error {
	l, err := b.list(ctx, target)
	if err != nil {
		return err
	}
	if now := l.child(newName); now == nil || now.guid != r.guid {
		return nil
	}
	return b.Host.Change(ctx, zfs("rename", "--", key(target, newName), key(p, r.name)))
}

// Hold implements backend.Holder. A volume that others depend on could not be deleted after the copy.
func (b *Backend) Hold(ctx context.Context, p *pooldef.Pool, name string) (backend.Held, error) {
	if err := b.checkNoDependents(ctx, p, name); err != nil {
		return nil, err
	}
	return b.Devices.Hold(ctx, p, name)
}
