// Package blockvol moves the data of volumes that are block devices: what logical, disk, iscsi, scsi, mpath and zfs pools have
// in common.
package blockvol

import (
	"context"
	"os"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Devices are the devices of a pool. A backend that embeds it has all the capabilities that its methods make up.
type Devices struct {
	Host    host.Host
	Secrets backend.Secrets
	// Find is the backend's Volume.
	Find func(ctx context.Context, p *pooldef.Pool, name string) (*pooldef.Volume, error)
}

// Upload implements backend.Uploader. What would not fit is refused.
func (d Devices) Upload(ctx context.Context, p *pooldef.Pool, name string, from *os.File, t backend.Transfer) error {
	v, err := d.Find(ctx, p, name)
	if err != nil {
		return err
	}
	return d.Host.Change(ctx, t.In(v.Target.Path, from, false))
}

// Download implements backend.Downloader.
func (d Devices) Download(ctx context.Context, p *pooldef.Pool, name string, to *os.File, t backend.Transfer) error {
	v, err := d.Find(ctx, p, name)
	if err != nil {
		return err
	}
	return d.Host.Change(ctx, t.Out(v.Target.Path, to))
}

// Wipe implements backend.Wiper.
func (d Devices) Wipe(ctx context.Context, p *pooldef.Pool, name, algorithm string, progress host.Progress) error {
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

// Fill makes a device that was just made for it a copy of a volume: of what a guest sees of that, if it is an image. Behind the end
// of the copy it reads as zeros. If this fails, the device holds half a copy, and whoever has made it takes it away.
func (d Devices) Fill(ctx context.Context, p *pooldef.Pool, path string, source *pooldef.Volume, o backend.CloneOptions) error {
	return d.fill(ctx, p, path, source, o, false)
}

// FillBlank is Fill for a device that reads as zeros, and has its room only where it is written to: zeros are not.
func (d Devices) FillBlank(ctx context.Context, p *pooldef.Pool, path string, source *pooldef.Volume, o backend.CloneOptions) error {
	return d.fill(ctx, p, path, source, o, true)
}

func (d Devices) fill(ctx context.Context, p *pooldef.Pool, path string, source *pooldef.Volume, o backend.CloneOptions, blank bool) error {
	switch {
	case source.Type != "file" && source.Type != "block":
		return &backend.UnsupportedError{Type: p.Type, What: "copying volumes of type " + source.Type}
	case o.Reflink:
		return &backend.UnsupportedError{Type: p.Type, What: "sharing blocks (reflink)"}
	case o.Preallocation != "" && o.Preallocation != "off":
		return pooldef.Problems{{Text: "a device has its room from the start: there is nothing to preallocate"}}
	}
	if qemuimg.IsPlain(source) {
		raw := host.Source{Path: source.Target.Path, InUse: o.InUse}
		return d.Host.Change(ctx, host.CopyInto{From: raw, Path: path, Progress: o.Progress, Blank: blank})
	}
	from, err := qemuimg.Open(d.Secrets, source, o.Known)
	if err != nil {
		return err
	}
	defer from.Close()
	from.InUse = o.InUse
	if !blank {
		// This comes first, as it refuses a device that is in use, which qemu-img does not.
		if err := d.Host.Change(ctx, host.Zero{Path: path, From: source.Capacity.Bytes}); err != nil {
			return err
		}
	}
	to := qemuimg.Device(path)
	to.Blank = blank
	if err := d.Host.Change(ctx, qemuimg.Into(from, to, o.Progress)); err != nil {
		return qemuimg.Explain(err)
	}
	if err := from.Whole(); err != nil {
		return err
	}
	return d.Host.Change(ctx, host.Sync{Path: path})
}
