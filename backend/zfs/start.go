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
