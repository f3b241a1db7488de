// Package blockvol transfers the data of volumes that are block devices, for pools of type logical, disk,
// iscsi, scsi, mpath and zfs.
//
// A backend embeds [Devices] and thereby can upload, download and wipe volumes. Fill and FillBlank copy a
// volume into a new device, CheckSources checks the devices that a new pool is to use.
package blockvol

import (
	"context"
	"os"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Devices are the volumes of a pool. A backend that embeds Devices has the capabilities that its methods
// implement.
type Devices struct {
	Host    host.Host
	Secrets backend.Secrets
	// Find is the backend's Volume method.
	Find func(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
}

// Upload implements backend.Uploader. Data that do not fit are refused.
func (d Devices) Upload(ctx context.Context, p *pooldef.Pool, name string, from *os.File,
	t backend.Transfer) error {
	v, err := d.Find(ctx, p, name)
	if err != nil {
		return err
	}
	return d.Host.Change(ctx, t.In(v.Target.Path, from, false))
}

// Download implements backend.Downloader.
func (d Devices) Download(ctx context.Context, p *pooldef.Pool, name string, to *os.File,
	t backend.Transfer) error {
	v, err := d.Find(ctx, p, name)
	if err != nil {
		return err
	}
	return d.Host.Change(ctx, t.Out(v.Target.Path, to))
}

// Wipe implements backend.Wiper.
func (d Devices) Wipe(ctx context.Context, p *pooldef.Pool, name, algorithm string,
	progress host.Progress) error {
	v, err := d.Find(ctx, p, name)
	if err != nil {
		return err
	}
	step := host.Wipe(v.Target.Path, algorithm, progress)
	if step == nil {
		return &backend.UnsupportedError{Type: p.Type, What: "wiping by " + algorithm}
	}
	return d.Host.Change(ctx, step)
}

// Fill copies a volume into a newly created device: the data that a guest sees, if the volume is an image.
// The rest of the device reads as zeros. If Fill fails, the device contains a partial copy, and the caller
// removes the device.
func (d Devices) Fill(ctx context.Context, p *pooldef.Pool, path string, source *pooldef.Volume,
	o backend.CloneOptions) error {
	return d.fill(ctx, p, path, source, o, false)
}

// FillBlank is Fill for a device that reads as zeros and allocates space only when written to. It does not
// write zeros.
func (d Devices) FillBlank(ctx context.Context, p *pooldef.Pool, path string, source *pooldef.Volume,
	o backend.CloneOptions) error {
	return d.fill(ctx, p, path, source, o, true)
}

func (d Devices) fill(ctx context.Context, p *pooldef.Pool, path string, source *pooldef.Volume,
	o backend.CloneOptions, blank bool) error {
	switch {
	case source.Type != "file" && source.Type != "block" && o.Fill == nil:
		return &backend.UnsupportedError{Type: p.Type, What: "copying volumes of type " + source.Type}
	case o.Reflink:
		return &backend.UnsupportedError{Type: p.Type, What: "sharing blocks (reflink)"}
	case o.Preallocation != "" && o.Preallocation != "off":
		return pooldef.Problems{{
			Text: "a device is fully allocated: there is nothing to preallocate",
		}}
	case o.Fill != nil:
		return d.fillByFill(ctx, path, o, blank)
	}
	if qemuimg.IsPlain(source) {
		raw := host.Source{Path: source.Target.Path, InUse: o.InUse}
		return d.Host.Change(ctx, host.CopyInto{From: raw, Path: path, Progress: o.Progress, Blank: blank})
	}
	from, err := qemuimg.Open(d.Secrets, source, o.MayRead)
	if err != nil {
		return err
	}
	defer from.Close()
	from.InUse = o.InUse
	if !blank {
		// Zero comes first because it refuses a device that is in use, which qemu-img does not.
		if err := d.Host.Change(ctx, host.Zero{Path: path, From: source.Capacity.Bytes}); err != nil {
			return err
		}
	}
	to := qemuimg.Device(path)
	to.Blank = blank
	if err := d.Host.Change(ctx, qemuimg.Into(from, to, o.Progress)); err != nil {
		return qemuimg.TranslateError(err)
	}
	if err := from.Whole(); err != nil {
		return err
	}
	return d.Host.Change(ctx, host.Sync{Path: path})
}

// fillByFill copies the data that o.Fill writes.
func (d Devices) fillByFill(ctx context.Context, path string, o backend.CloneOptions, blank bool) error {
	if !blank {
		if err := d.Host.Change(ctx, host.Zero{Path: path}); err != nil {
			return err
		}
	}
	if err := o.Fill(ctx, path); err != nil {
		return err
	}
	return d.Host.Change(ctx, host.Sync{Path: path})
}
