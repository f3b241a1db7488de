package zfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Stop implements backend.Starter. It exports a zpool that Start imported, if it is not in use. It does not
// export a zpool that another program imported, nor the zpool of a pool without devices, which is a dataset
// of another pool's zpool.
func (b *Backend) Stop(ctx context.Context, p *pooldef.Pool) error {
	name, err := dataset(p)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if stateOf(b.Host, name) == "" || len(p.Source.Devices) == 0 {
		return nil
	}
	c := host.Cmd("zpool", "get", "-Hp", "-o", "value", "cachefile", "--", zpool(name))
	c.Cacheable = true
	out, err := b.Host.Query(ctx, c)
	if err != nil || strings.TrimSpace(string(out)) != cache {
		return err
	}
	if err := b.checkNotBusy(ctx, name); err != nil {
		return err
	}
	err = b.exportZpool(ctx, name)
	if err != nil && stateOf(b.Host, name) == "" {
		_, again := b.importZpool(context.WithoutCancel(ctx), p, b.existingSources(p))
		err = errors.Join(err, again)
	}
	return err
}

// exportZpool exports a zpool. ZFS itself refuses a zpool in use. exportZpool retries, because udev may have
// a volume open briefly.
func (b *Backend) exportZpool(ctx context.Context, dataset string) error {
	c := host.Cmd("zpool", "export", "--", zpool(dataset))
	c.RetryOn = "pool is busy"
	err := b.Host.Change(ctx, c)
	host.Settle(context.WithoutCancel(ctx), b.Host)
	return err
}

// checkNotBusy returns an error if any volume of a zpool is in use, or any of its file systems is mounted,
// which ZFS would unmount.
func (b *Backend) checkNotBusy(ctx context.Context, dataset string) error {
	name := zpool(dataset)
	busy := &backend.BusyError{Path: zvols + name}
	mounts, err := b.mounted(name)
	if err != nil {
		return err
	}
	busy.Users = mounts
	out, err := b.query(ctx, name, host.Cmd("zfs", "list", "-H", "-r", "-t", "volume", "-o", "name", "--", name))
	if err != nil {
		return err
	}
	for key := range strings.Lines(string(out)) {
		key = strings.TrimSuffix(key, "\n")
		if !isIn(name, key) {
			return &backend.AnswerError{Tool: tool, Field: "name", Text: key}
		}
		if b.Host.Zvol(link(key)) != key {
			continue
		}
		if users := b.Users(link(key)); len(users) > 0 {
			busy.Users = append(busy.Users, fmt.Sprintf("volume %s (%s)", key, strings.Join(users, ", ")))
		}
	}
	if len(busy.Users) == 0 {
		return nil
	}
	return busy
}

// mounted returns descriptions of where a dataset's file systems are mounted.
func (b *Backend) mounted(dataset string) ([]string, error) {
	mounts, err := b.Host.Mounts()
	var users []string
	for _, m := range mounts {
		if m.Source == dataset || strings.HasPrefix(m.Source, dataset+"/") {
			users = append(users, fmt.Sprintf("mounted at %q", m.Target))
		}
	}
	slices.Sort(users)
	return users, err
}
