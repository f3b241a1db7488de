package driver

import (
	"context"

	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// RenamePool gives a pool another name. The pool may be active; its storage and its uuid stay as they are. If
// RenamePool is interrupted, the same call goes on.
func (d *Driver) RenamePool(ctx context.Context, nameOrUUID, newName string) error {
	if text := pooldef.CheckName(newName); text != "" {
		return pooldef.Problems{{Element: "name", Text: text}}
	}
	unlockDefinitions, err := d.LockDefinitions(ctx)
	if err != nil {
		return err
	}
	defer unlockDefinitions()
	entry, unlock, err := d.LockPool(ctx, nameOrUUID, store.Exclusive)
	defer unlock()
	if err != nil || entry.Name == newName {
		return err
	}
	if entry.ByLibvirt {
		return &ByLibvirtError{entry.Name}
	}
	unlockNew, err := d.lock(ctx, newName, store.Exclusive)
	if err != nil {
		return err
	}
	defer unlockNew()
	return d.Store.Rename(entry, newName)
}
