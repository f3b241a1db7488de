package driver

import (
	"context"

	"poolctl/pooldef/store"
)

// ImportPool defines a pool as libvirt has it, if it conflicts with no other. The entry is one of libvirt's
// store. See [store.Store.ImportPool].
func (d *Driver) ImportPool(ctx context.Context, entry *store.Entry, update bool) (changed bool, err error) {
	if entry.Err != nil {
		return false, entry.Err
	}
	p := *entry.Persistent
	err = d.admit(ctx, &p, false, func() error {
		changed, err = d.Store.ImportPool(entry, update)
		return err
	})
	return changed, err
}

// ImportSecrets defines libvirt's secrets with their values, and reports the result of each.
func (d *Driver) ImportSecrets(
	ctx context.Context, libvirt *store.Store, update bool, report func(id string, changed bool, err error),
) error {
	entries, err := libvirt.LibvirtSecrets()
	if err != nil {
		return err
	}
	unlock, err := d.LockDefinitions(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, entry := range entries {
		changed, err := d.importSecret(libvirt, entry, update)
		report(entry.UUID, changed, err)
	}
	return nil
}

func (d *Driver) importSecret(libvirt *store.Store, entry *store.SecretEntry, update bool) (bool, error) {
	if entry.Err != nil {
		return false, entry.Err
	}
	var value []byte
	if entry.HasValue {
		var err error
		if value, err = libvirt.ValueOf(entry); err != nil {
			return false, err
		}
	}
	return d.Store.ImportSecret(entry.Secret, value, update)
}
