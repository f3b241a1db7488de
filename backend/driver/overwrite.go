package driver

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/pooldef"
)

// The capabilities that change the data of a volume come from this file alone (a linter forbids others), so
// that each of their users looks for images that are based on the volume: their data would change with it.

// The hints of the errors that images are based on a volume.
const (
	flattenHint   = "poolctl vol-flatten makes an image independent of it"
	overwriteHint = flattenHint + "; --in-use changes it anyway, and their data with it"
)

// Wiper returns the capability to wipe a volume. If images are based on the volume, that is an error unless
// inUse is set.
func (d *Driver) Wiper(ctx context.Context, v *Volume, inUse bool) (backend.Wiper, error) {
	return toOverwrite[backend.Wiper](ctx, d, v, "wiping volumes", inUse, overwriteHint)
}

// Uploader returns the capability to upload data into a volume. If images are based on the volume, that is an
// error unless inUse is set.
func (d *Driver) Uploader(ctx context.Context, v *Volume, inUse bool) (backend.Uploader, error) {
	return toOverwrite[backend.Uploader](ctx, d, v, "uploading", inUse, overwriteHint)
}

// ResizeVolume changes a volume's capacity to size bytes. o.MayRead is set by ResizeVolume. If images are
// based on the volume, making it smaller is an error unless inUse is set; growth does not change what they
// read.
func (d *Driver) ResizeVolume(
	ctx context.Context, v *Volume, size uint64, o backend.ResizeOptions, inUse bool,
) error {
	if !inUse {
		if err := d.checkNoGuest(ctx, v); err != nil {
			return err
		}
	}
	grows := size >= v.Capacity.Bytes
	resizer, err := toOverwrite[backend.Resizer](ctx, d, v, "resizing volumes", grows || inUse,
		overwriteHint)
	if err != nil {
		return err
	}
	o.MayRead = d.Known(ctx, v)
	return resizer.Resize(ctx, v.Pool(), v.Name, size, o)
}

// RevertToSnapshot gives a volume the state that a snapshot has kept. If images are based on the volume, that
// is an error.
func (d *Driver) RevertToSnapshot(
	ctx context.Context, v *Volume, name string, o backend.RevertOptions,
) error {
	const what = "reverting a volume; vol-snapshot-clone creates a new one from a snapshot"
	reverter, err := toOverwrite[backend.Reverter](ctx, d, v, what, false, flattenHint)
	if err != nil {
		return err
	}
	return d.passWarning(reverter.RevertToSnapshot(ctx, v.Pool(), v.Name, name, o))
}

// toOverwrite returns the capability C of a volume's backend, which changes the volume's data. what describes
// the operation in errors. Unless inUse is set, toOverwrite returns an error if images are based on the
// volume. hint is that of this error.
func toOverwrite[C any](
	ctx context.Context, d *Driver, v *Volume, what string, inUse bool, hint string,
) (C, error) {
	c, err := backend.As[C](v.Backend, v.Pool().Type, what)
	if err != nil || inUse {
		return c, err
	}
	if err := d.checkNoGuest(ctx, v); err != nil {
		return c, err
	}
	users, err := d.usersOf(ctx, v, false)
	if err != nil {
		return c, err
	}
	return c, checkNoOverlays(basedOn(users, v.Target.Path), hint)
}

// fillHint says how to write an image into a pool without new volumes.
func fillHint(b backend.Backend, p *pooldef.Pool) string {
	if _, ok := b.(backend.Uploader); ok {
		return "poolctl vol-upload VOL FILE " + shell.Quote(p.Name) + " writes raw data into an existing volume"
	}
	return ""
}
