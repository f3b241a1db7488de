package driver

import (
	"cmp"
	"context"
	"slices"

	"poolctl/backend"
)

// ConvertVolume gives a volume another format. Images that are based on it record its format: ConvertVolume
// refuses to change that. No process may use the volume meanwhile. o.MayRead is set by ConvertVolume.
func (d *Driver) ConvertVolume(ctx context.Context, v *Volume, o backend.ConvertOptions) error {
	p := v.Pool()
	const hint = "poolctl vol-create-from POOL FILE {vol} --inputpool {pool} copies it into a pool of files"
	converter, err := capability[backend.Converter](v, "converting volumes", hint)
	if err != nil {
		return err
	}
	if v.Err != nil || o.AreMet(v.Volume) {
		return v.Err
	}
	users, err := d.checkConvertible(ctx, v, o.KeepsFormat(v.Volume))
	if err != nil {
		return err
	}
	o.MayRead = d.Known(ctx, v)
	if err := converter.Convert(ctx, p, v.Name, o); err != nil {
		return err
	}
	if o.Encrypt != nil || o.Decrypt {
		d.warnEachDomain(users, "domain %q may name the old encryption of the volume: virsh edit %s")
	} else if !o.KeepsFormat(v.Volume) {
		d.warnEachDomain(users, "domain %q may name the old format of the volume: virsh edit %s")
	}
	d.warnKey(v, o)
	return nil
}

// warnKey warns if the secret with the path of a volume as its usage, which poolctl opens the volume with, is
// not the secret that the volume was encrypted with.
func (d *Driver) warnKey(v *Volume, o backend.ConvertOptions) {
	if o.Encrypt == nil || o.Encrypt.Usage == v.Target.Path {
		return
	}
	if s, err := d.Store.SecretOf("volume", v.Target.Path); err != nil || s == nil || s.UUID != o.Encrypt.UUID {
		d.Warn("poolctl opens the volume with the secret whose usage is %q, which needs the same value",
			v.Target.Path)
	}
}

// checkConvertible returns the users of a volume, and an error if one of them depends on its file or format.
func (d *Driver) checkConvertible(ctx context.Context, v *Volume, keepsFormat bool) ([]User, error) {
	users, err := d.usersOf(ctx, v, true)
	if err != nil {
		return nil, err
	}
	bound := slices.DeleteFunc(overlaysIn(users), func(u User) bool {
		return keepsFormat && u.As == "backing file"
	})
	const hint = "they record its format; poolctl vol-flatten makes an image independent of it"
	return users, cmp.Or(
		checkNoOverlays(bound, hint), checkNoPool(v.Entry.Name, users), checkIdle(v.Target.Path, users, ""),
	)
}
