package zfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"poolctl/backend"
	"poolctl/backend/blockvol"
	"poolctl/backend/host"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// cache is the cache file that records zpools which poolctl imported (zpoolprops(7), cachefile). It
// distinguishes them from zpools that other programs imported. The system does not read it at boot.
const cache = "/run/poolctl.zpool.cache"

// Start implements backend.Starter. It imports the zpool from the devices that the definition names, unless
// it is imported already. It does not mount file systems. If a device does not contain its part of the zpool,
// but ZFS has all data, Start returns a warning. It refuses a zpool if a device does not exist.
func (b *Backend) Start(ctx context.Context, p *pooldef.Pool) error {
	return b.start(ctx, p, blockvol.Sources(p))
}

// StartDegraded implements backend.DegradedStarter. It imports the zpool from the devices that exist. ZFS
// refuses a zpool unless the other devices are redundant, so all volumes are available and can be changed.
func (b *Backend) StartDegraded(ctx context.Context, p *pooldef.Pool) ([]*pooldef.Volume, error) {
	present := b.existingSources(p)
	if len(present) == 0 && len(p.Source.Devices) > 0 {
		return nil, &backend.StateError{Text: "none of the devices of the zpool exists"}
	}
	return nil, b.start(ctx, p, present)
}

// existingSources returns the devices of the definition that exist.
func (b *Backend) existingSources(p *pooldef.Pool) []string {
	return slices.DeleteFunc(blockvol.Sources(p), func(device string) bool {
		_, err := b.Host.Stat(device)
		return errors.Is(err, fs.ErrNotExist)
	})
}

// start starts a pool whose zpool, if it is not imported, is on the given devices.
func (b *Backend) start(ctx context.Context, p *pooldef.Pool, devices []string) error {
	name, err := dataset(p)
	if err != nil {
		return err
	}
	imported, err := b.importZpool(ctx, p, devices)
	state := stateOf(b.Host, name)
	if imported && state == "" { // a dry run
		return nil
	}
	if err == nil {
		_, err = b.list(ctx, p)
	}
	if err != nil && imported {
		err = errors.Join(err, b.exportZpool(context.WithoutCancel(ctx), name))
	}
	if err == nil && state == degradedState {
		return &backend.Warning{Text: fmt.Sprintf("the zpool %q is degraded: zpool status -- %s shows why",
			zpool(name), shell.Quote(zpool(name)))}
	}
	return err
}

// importZpool imports a pool's zpool from devices if it is not imported, and reports whether it did.
func (b *Backend) importZpool(ctx context.Context, p *pooldef.Pool, devices []string) (bool, error) {
	name := zpool(p.Source.Name)
	if stateOf(b.Host, name) != "" || len(p.Source.Devices) == 0 {
		return false, errors.Join(ctx.Err(), b.checkUsable(name))
	}
	args := []string{"import", "-N", "-o", "cachefile=" + cache}
	for _, d := range devices {
		if _, err := b.Host.Stat(d); err != nil {
			return false, missingDevice(p, err)
		}
		for _, node := range append([]string{d}, b.partitions(d)...) {
			args = append(args, "-d", node)
		}
	}
	err := b.Host.Change(ctx, host.Cmd("zpool", append(args, "--", name)...))
	if err == nil {
		host.Settle(ctx, b.Host) // udev creates the links to the volumes
		return true, nil
	}
	if stateOf(b.Host, name) != "" {
		err = errors.Join(err, b.exportZpool(context.WithoutCancel(ctx), name))
	}
	return false, b.translateImportError(p, err)
}

// missingDevice adds a hint to the error about a device that does not exist.
func missingDevice(p *pooldef.Pool, err error) error {
	if !errors.Is(err, fs.ErrNotExist) || len(p.Source.Devices) == 1 {
		return err
	}
	return &backend.StateError{
		Text: err.Error(),
		Hint: fmt.Sprintf("poolctl pool-start %s --degraded starts it if the device is redundant",
			shell.Quote(p.Name)),
	}
}

// translateImportError adds hints to ZFS's errors about imports.
func (b *Backend) translateImportError(p *pooldef.Pool, err error) error {
	if host.StderrContains(err, "modules") {
		return &backend.StateError{Text: "ZFS's kernel module is not loaded", Hint: "modprobe zfs"}
	}
	exit, failed := errors.AsType[*host.ExitError](err)
	if !failed || !host.StderrContains(err, "cannot import") {
		return err
	}
	name := zpool(p.Source.Name)
	state := &backend.StateError{Text: strings.Join(strings.Fields(exit.Stderr), " ")}
	switch {
	case host.StderrContains(err, "no such pool"):
		state.Text = fmt.Sprintf("no zpool %q on %s", name, strings.Join(blockvol.Sources(p), ", "))
		state.Hint = "poolctl pool-build " + shell.Quote(p.Name)
	case host.StderrContains(err, "unavailable"):
		state.Hint = "zpool import -d DEVICE shows which devices are missing"
	case host.StderrContains(err, "another system", "other system"):
		state.Hint = "zpool import -f -- " + shell.Quote(name) + ", if that system no longer uses it"
	}
	return state
}

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
