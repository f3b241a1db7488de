package driver

import (
	"context"
	"path/filepath"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// A HeldPool is a pool that stays locked, exclusively, for several operations. Entry is the pool as the
// operations so far have left it. In a dry run, Entry is what it would be.
type HeldPool struct {
	*store.Entry
	Release func() // unlocks the pool

	driver *Driver
}

// HoldPool locks a pool for several operations. If the pool cannot be used, HoldPool returns the error, and
// the pool is not locked.
func (d *Driver) HoldPool(ctx context.Context, name string) (*HeldPool, error) {
	entry, unlock, err := d.LockPool(ctx, name, store.Exclusive)
	if err != nil {
		unlock()
		return nil, err
	}
	return &HeldPool{entry, unlock, d}, nil
}

// DefineAndHold is Define, except that it keeps the pool locked for more operations.
func (d *Driver) DefineAndHold(ctx context.Context, p *pooldef.Pool, yaml []byte) (*HeldPool, error) {
	h := &HeldPool{driver: d}
	unlock, err := d.admitLocked(ctx, p, false, func() error {
		before, _ := d.Store.Load(p.Name) // a definition that cannot be used was refused
		if err := d.Store.Define(p, yaml); err != nil {
			return err
		}
		h.Entry = &store.Entry{Name: p.Name, File: d.Store.FileOf(p, yaml), Persistent: p,
			Started: before.Started, ByLibvirt: before.ByLibvirt, Autostart: before.Autostart}
		return nil
	})
	h.Release = unlock
	if err == nil {
		err = h.reload()
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return h, nil
}

// reload reads the pool's files again, unless this is a dry run.
func (h *HeldPool) reload() error {
	if h.driver.DryRun {
		return nil
	}
	entry, err := h.driver.Store.Load(h.Name)
	if err == nil {
		h.Entry = entry
	}
	return err
}

// Build is [Driver.BuildPool], with the persistent definition.
func (h *HeldPool) Build(ctx context.Context, o backend.BuildOptions) error {
	if err := h.driver.checkInactive(ctx, h.Entry); err != nil {
		return err
	}
	return h.driver.build(ctx, h.Persistent, o)
}

// Start is [Driver.StartPool]. set is the set that manages the pool, for the run record, or "".
func (h *HeldPool) Start(ctx context.Context, set string) error {
	h.markPersistent(set)
	if err := h.driver.startEntry(ctx, h.Entry, StartOptions{}); err != nil {
		return err
	}
	if h.driver.DryRun {
		started := *h.Persistent
		h.Started = &started
	}
	return h.reload()
}

// markPersistent marks the definition that a run record will be a copy of.
func (h *HeldPool) markPersistent(set string) {
	if p := h.Persistent; p != nil && p.ManagedBy == "" {
		marked := *p
		marked.ManagedBy = set
		h.Persistent = &marked
	}
}

// Stop is [Driver.StopPool].
func (h *HeldPool) Stop(ctx context.Context) error {
	if err := h.driver.stopEntry(ctx, h.Entry); err != nil {
		return err
	}
	h.Started = nil
	if h.File == "" { // it was transient, and is gone
		return nil
	}
	return h.reload()
}

// Restart stops the pool and starts it with its definition. set is as for Start.
func (h *HeldPool) Restart(ctx context.Context, set string) error {
	if err := h.Stop(ctx); err != nil {
		return err
	}
	h.markPersistent(set)
	if err := h.driver.start(ctx, h.Persistent, nil, StartOptions{}); err != nil {
		return err
	}
	return h.reload()
}

// SetAutostart is [Driver.SetAutostart].
func (h *HeldPool) SetAutostart(on bool) error {
	if err := h.driver.Store.SetAutostart(h.Entry, on); err != nil {
		return err
	}
	return h.reload()
}

// Undefine is [Driver.UndefinePool].
func (h *HeldPool) Undefine(ctx context.Context) error { return h.driver.undefineEntry(ctx, h.Entry) }

// SetPermissions gives the pool's directory the permissions of the definition p.
func (d *Driver) SetPermissions(ctx context.Context, p *pooldef.Pool) error {
	setter, err := backend.As[backend.PermissionSetter](d.Backends[p.Type], p.Type, "setting permissions")
	if err != nil {
		return err
	}
	return setter.SetPermissions(ctx, p)
}

// IsBuilt reports whether a pool that is not active has its storage, so that a build would create nothing.
// The permissions of the storage do not matter. If the storage is missing and cannot be built, the error says
// why.
func (d *Driver) IsBuilt(ctx context.Context, p *pooldef.Pool) (bool, error) {
	var steps strings.Builder
	bare := *p
	bare.COW, bare.Target.Permissions = nil, pooldef.Permissions{}
	return ask(ctx, d, p, func() (bool, error) {
		rehearsal, ok := d.NewBackends(host.NewDryRun(d.Host, &steps))[p.Type].(backend.Builder)
		if !ok {
			return true, nil
		}
		err := rehearsal.Build(ctx, &bare, backend.BuildOptions{IfMissing: true, FormatBlank: true})
		return steps.Len() == 0 && err == nil, err
	})
}

// IsBelow reports whether a path is below a directory, by its name.
func IsBelow(path, directory string) bool {
	return strings.HasPrefix(filepath.Clean(path), strings.TrimSuffix(filepath.Clean(directory), "/")+"/")
}
