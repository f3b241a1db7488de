package driver

import (
	"context"
	"errors"
	"strings"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// CreateVolume creates a volume in pool p, whose backend is b.
func (d *Driver) CreateVolume(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume, o backend.CreateOptions,
) error {
	creator, err := backend.As[backend.Creator](b, p.Type, "volume creation")
	if err != nil {
		return err
	}
	d.limitAllocation(v)
	return d.passWarning(creator.Create(ctx, p, v, o))
}

// passWarning returns nil for a [backend.Warning], which it shows, and every other error as it is.
func (d *Driver) passWarning(err error) error {
	if warning, ok := errors.AsType[*backend.Warning](err); ok {
		d.Warn("%s", warning.Text)
		return nil
	}
	return err
}

// CreateFrom creates a volume in pool p, whose backend is b, with the data of source. The pools may be of
// different types. The new volume must be at least as large as source: see [Driver.FitCapacity].
func (d *Driver) CreateFrom(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume, source *Volume,
	o backend.CloneOptions,
) error {
	return d.clone(ctx, b, p, v, source, o)
}

// Clone copies a volume within its pool. v is from [CloneOf].
func (d *Driver) Clone(ctx context.Context, v *pooldef.Volume, source *Volume, o backend.CloneOptions) error {
	return d.clone(ctx, source.Backend, source.Pool(), v, source, o)
}

// CloneOf returns the definition of a copy. The copy gets an SELinux label of its own: the source's may be
// that of a running domain. A copy of a volume that is allocated completely is so, too; other copies get only
// the space that their data need.
func CloneOf(source *pooldef.Volume, name string) *pooldef.Volume {
	v := &pooldef.Volume{Name: name, Capacity: source.Capacity, Target: source.Target}
	v.Target.Path, v.Target.Permissions.Label = "", ""
	if source.Allocation.Bytes < source.Capacity.Bytes {
		v.Allocation = pooldef.Bytes(0)
	}
	return v
}

// clone creates a volume in pool p, whose backend is b, with the data of source.
func (d *Driver) clone(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume, source *Volume,
	o backend.CloneOptions,
) error {
	cloner, err := backend.As[backend.Cloner](b, p.Type, "creating volumes from others")
	if err != nil {
		return err
	}
	return d.fromSource(ctx, source, o, func(from *pooldef.Volume, o backend.CloneOptions) error {
		return cloner.Clone(ctx, p, v, from, o)
	})
}

// fromSource calls create with the source of a new volume, as a [backend.Cloner] expects it, and with the
// options that depend on the source.
func (d *Driver) fromSource(
	ctx context.Context, source *Volume, o backend.CloneOptions,
	create func(from *pooldef.Volume, o backend.CloneOptions) error,
) error {
	if source.Err != nil {
		return source.Err
	}
	from, err := exported(ctx, source.Backend, source.Pool(), source.Volume)
	if err != nil {
		return err
	}
	o.From, o.MayRead = source.Pool(), d.Known(ctx, source)
	if downloader, ok := source.Backend.(backend.Downloader); ok && from.Type == "network" {
		o.Fill = d.fillFrom(source, downloader, o)
	}
	if filler, ok := source.Backend.(backend.ImageFiller); ok {
		o.FillImage = func(ctx context.Context, path, format string) error {
			return filler.FillImage(ctx, source.Pool(), source.Name, path, format, o)
		}
	}
	return withoutLocalPath(create(from, o), from.Target.Path, source.Target.Path)
}

// A renamedError is an error that names a volume by another path.
type renamedError struct {
	error
	text string
}

// withoutLocalPath returns an error that names a volume by its path, and not by that of the file that it was
// exported as, which only this process has.
func withoutLocalPath(err error, local, path string) error {
	if err == nil || local == path {
		return err
	}
	return &renamedError{err, strings.ReplaceAll(err.Error(), local, path)}
}

// Error implements error.
func (e *renamedError) Error() string { return e.text }

// Unwrap returns the original error.
func (e *renamedError) Unwrap() error { return e.error }

// fillFrom returns a function that writes the data of a volume to a new file or device.
func (d *Driver) fillFrom(
	source *Volume, downloader backend.Downloader, o backend.CloneOptions,
) func(ctx context.Context, path string) error {
	return func(ctx context.Context, path string) error {
		to, err := host.OpenToFill(d.Host, path)
		if err != nil {
			return err
		}
		if to != nil {
			defer to.Close()
		}
		t := backend.Transfer{File: path, Sparse: true, InUse: o.InUse, Progress: o.Progress}
		return downloader.Download(ctx, source.Pool(), source.Name, to, t)
	}
}

// FitCapacity gives the definition of a copy the capacity of source, unless its own is larger.
func (d *Driver) FitCapacity(v *pooldef.Volume, source *Volume) {
	if v.Capacity.Bytes < source.Capacity.Bytes {
		if v.Capacity.Known {
			d.Warn("volume %q: the capacity is less than what is copied; it becomes %d bytes",
				v.Name, source.Capacity.Bytes)
		}
		v.Capacity = source.Capacity
	}
	d.limitAllocation(v)
}

// limitAllocation reduces an allocation that is larger than the capacity, with a warning.
func (d *Driver) limitAllocation(v *pooldef.Volume) {
	if v.Capacity.Known && v.Allocation.Bytes > v.Capacity.Bytes {
		d.Warn("volume %q: the allocation is larger than the capacity; %d bytes are allocated",
			v.Name, v.Capacity.Bytes)
		v.Allocation = v.Capacity
	}
}
