package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// lock locks a disk against other programs, and invalidates earlier query results.
func (b *Backend) lock(ctx context.Context, d *device) (unlock func(), err error) {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	defer b.Host.Invalidate()
	unlock, err = host.LockDevice(limited, d.path, d.sysPath())
	if backend.IsTimeout(ctx, err) {
		err = &pooldef.LockError{What: fmt.Sprintf("the disk %q", d.path)}
	}
	return unlock, err
}

// withLockedTable locks a pool's disk, reads its table and calls change. It returns when udev has updated the
// nodes.
func (b *Backend) withLockedTable(ctx context.Context, p *pooldef.Pool, change func(t *table) error) error {
	d, err := b.device(p)
	if err != nil {
		return err
	}
	unlock, err := b.lock(ctx, d)
	if err != nil {
		return err
	}
	t, err := b.table(ctx, p)
	if err == nil {
		err = d.checkUnused()
	}
	if err == nil {
		err = change(t)
	}
	unlock()
	host.Settle(context.WithoutCancel(ctx), b.Host)
	return err
}

// checkUnused returns an error if the whole disk is part of another device, such as a multipath device or a
// RAID. It ignores the holders of a mapped disk, which are its partitions.
func (d *device) checkUnused() error {
	if d.isMapped {
		return nil
	}
	holders, err := fs.ReadDir(d.sys, d.dir+"/holders")
	if err != nil || len(holders) == 0 {
		return err
	}
	busy := &backend.BusyError{Path: d.path}
	for _, h := range holders {
		busy.Users = append(busy.Users, "held by "+h.Name())
	}
	return busy
}

// commit changes the table. Once begun, the change is not cancelled, because that could leave half a table.
func (b *Backend) commit(ctx context.Context, c host.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.Host.Change(context.WithoutCancel(ctx), c)
}

// checkNotInUse returns an error if one of the partitions is in use. A partition without a node cannot be.
func (b *Backend) checkNotInUse(t *table, partitions ...partition) error {
	for _, x := range partitions {
		path := t.partition(x.number)
		users, err := b.Host.DeviceUsers(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return &backend.BusyError{Path: path, Users: users}
		}
	}
	return nil
}
