package driver

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/pooldef/store"
)

// UndefinePool removes the definition of a pool that is not active, even one that cannot be used.
func (d *Driver) UndefinePool(ctx context.Context, nameOrUUID string) error {
	entry, unlock, err := d.lockState(ctx, nameOrUUID)
	defer unlock()
	switch {
	case entry == nil:
		return err
	case err != nil && entry.File != "":
		d.Warn("the definition could not be used: %w", err)
		return d.Store.Undefine(entry)
	case entry.File == "":
		return &backend.StateError{
			Text: fmt.Sprintf("pool %q is transient: it has no definition", entry.Name),
			Hint: "poolctl pool-destroy " + shell.Quote(entry.Name) + " stops and removes it",
		}
	}
	if err := d.checkInactive(ctx, entry); err != nil {
		return err
	}
	if entry.Started != nil { // its start was killed, or its storage has disappeared
		if err := d.forget(ctx, entry); err != nil {
			return err
		}
	}
	return d.Store.Undefine(entry)
}

// SetAutostart enables or disables the start of a persistent pool at boot.
func (d *Driver) SetAutostart(ctx context.Context, nameOrUUID string, on bool) error {
	entry, unlock, err := d.LockPool(ctx, nameOrUUID, store.Exclusive)
	defer unlock()
	if err != nil {
		return err
	}
	if entry.File == "" {
		return &backend.StateError{
			Text: fmt.Sprintf("pool %q is transient: it has no definition", entry.Name),
			Hint: "poolctl pool-define defines it",
		}
	}
	return d.Store.SetAutostart(entry, on)
}
