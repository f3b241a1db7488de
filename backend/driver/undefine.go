package driver

import (
	"context"
	"errors"
	"io/fs"

	"poolctl/backend/host/shell"
	"poolctl/pooldef/store"
)

// UndefinePool removes the definition of a pool that is not active, even one that cannot be used. If only the
// autostart link of a definition is left, UndefinePool removes the link.
func (d *Driver) UndefinePool(ctx context.Context, nameOrUUID string) error {
	entry, unlock, err := d.lockState(ctx, nameOrUUID)
	defer unlock()
	switch {
	case entry == nil:
		return err
	case errors.Is(err, store.ErrNoPool):
		d.Warn("pool %q has no definition, only an autostart link", entry.Name)
		return d.Store.RemoveStaleAutostart(entry.Name)
	case err != nil && entry.File != "":
		d.Warn("the definition could not be used: %w", err)
		return d.Store.Undefine(entry)
	case entry.File == "":
		return &TransientError{entry.Name,
			shell.Join("poolctl", "pool-destroy", entry.Name) + " stops and removes it"}
	}
	return d.undefineEntry(ctx, entry)
}

// undefineEntry is UndefinePool for a persistent pool that is locked, and whose files can be used.
func (d *Driver) undefineEntry(ctx context.Context, entry *store.Entry) error {
	if err := d.checkInactive(ctx, entry); err != nil {
		return err
	}
	if entry.Started != nil && !entry.ByLibvirt { // its start was killed, or its storage has disappeared
		if err := d.forget(ctx, entry); err != nil {
			return err
		}
	}
	return d.Store.Undefine(entry)
}

// SetAutostart enables or disables the start of a persistent pool at boot. Disabling also works if the
// definition is missing or cannot be used, unless other users can change the files.
func (d *Driver) SetAutostart(ctx context.Context, nameOrUUID string, on bool) error {
	entry, unlock, err := d.lockState(ctx, nameOrUUID)
	defer unlock()
	switch {
	case entry == nil, errors.Is(err, fs.ErrPermission):
		return err
	case !on && (entry.File != "" || entry.StaleAutostart): // even if the definition cannot be used
	case err != nil:
		return err
	case entry.File == "":
		return &TransientError{entry.Name, "poolctl pool-define defines it"}
	}
	return d.Store.SetAutostart(entry, on)
}
