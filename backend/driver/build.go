package driver

import (
	"context"
	"errors"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// BuildPool creates the underlying storage of a pool that is not active. With o.IfMissing, the pool may be
// active: then it has its storage.
func (d *Driver) BuildPool(ctx context.Context, nameOrUUID string, o backend.BuildOptions) error {
	entry, unlock, err := d.LockPool(ctx, nameOrUUID, store.Exclusive)
	defer unlock()
	if err != nil {
		return err
	}
	err = d.checkInactive(ctx, entry)
	if _, active := errors.AsType[*ActiveError](err); active && o.IfMissing {
		return nil
	}
	if err != nil {
		return err
	}
	return d.build(ctx, entry.Current(), o)
}

// build creates a pool's underlying storage. For types that have nothing to build, build succeeds, as in
// virsh.
func (d *Driver) build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	b, err := d.Backend(p.Type)
	if err != nil {
		return err
	}
	if builder, ok := b.(backend.Builder); ok {
		return builder.Build(ctx, p, o)
	}
	return nil
}

// DeletePool removes the underlying storage of a pool that is not active.
func (d *Driver) DeletePool(ctx context.Context, nameOrUUID string) error {
	entry, unlock, err := d.LockPool(ctx, nameOrUUID, store.Exclusive)
	defer unlock()
	if err != nil {
		return err
	}
	if err := d.checkInactive(ctx, entry); err != nil {
		return err
	}
	p := entry.Current()
	b, err := d.Backend(p.Type)
	if err != nil {
		return err
	}
	deleter, err := backend.As[backend.PoolDeleter](b, p.Type, "pool deletion")
	if err != nil {
		return err
	}
	if p.Type.Info().OwnsTarget() {
		if err := d.checkNoPoolAt(ctx, entry.Name, p.Target.Path); err != nil {
			return err
		}
	}
	if err := deleter.DeletePool(ctx, p); err != nil {
		return err
	}
	return d.Store.RemoveBuilt(entry.Name)
}

// Discover finds sources that pools of a type could use.
func (d *Driver) Discover(
	ctx context.Context, t pooldef.Type, spec *pooldef.Source,
) ([]pooldef.Source, error) {
	b, err := d.Backend(t)
	if err != nil {
		return nil, err
	}
	discoverer, err := backend.As[backend.Discoverer](b, t, "finding sources")
	if err != nil {
		return nil, err
	}
	return discoverer.Discover(ctx, spec)
}
