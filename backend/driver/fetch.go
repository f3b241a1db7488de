package driver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"poolctl/backend"
	"poolctl/backend/fetch"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// Fetch creates a volume in pool p, whose backend is b, from an image on a server. If v has no capacity, the
// volume is as large as the disk in the image; if v has no format, it keeps the image's, if the pool's
// volumes have formats. An image that refers to other files is refused.
func (d *Driver) Fetch(
	ctx context.Context, b backend.Backend, p *pooldef.Pool, v *pooldef.Volume, from fetch.Source,
	progress host.Progress,
) error {
	cloner, ok := b.(backend.Cloner)
	if !ok {
		return &backend.UnsupportedError{Type: p.Type, What: "creating volumes from others", Hint: fillHint(b, p)}
	}
	switch have, err := b.Volume(ctx, p, v.Name); {
	case err == nil:
		return &backend.ExistsError{Path: have.Target.Path}
	case !errors.Is(err, backend.ErrNoVolume):
		return err
	}
	if err := d.rehearseCreate(ctx, p, v); err != nil {
		return err
	}
	space, err := d.space(ctx, b, p)
	if err != nil {
		return err
	}
	room := space.Available
	if v.Capacity.Known {
		room = min(room, fetch.LargestImage(v.Capacity.Bytes))
	}
	file, err := from.Download(ctx, d.Host, room, progress)
	if err != nil {
		return err
	}
	defer file.Close(ctx)
	if d.DryRun {
		return d.planFetched(ctx, p, v, file)
	}
	image, err := d.describe(ctx, from, file)
	if err != nil {
		return err
	}
	if err := fetch.CheckCapacity(image, v.Capacity); err != nil {
		return err
	}
	if v.Target.Format == "" {
		v.Target.Format = formatIn(p.Type.Info(), image)
	}
	o := backend.CloneOptions{
		CreateOptions: backend.CreateOptions{Preallocation: "off", Progress: progress}, Full: true,
	}
	err = d.passWarning(cloner.Clone(ctx, p, v, image, o))
	file.Keep = file.Keep && err != nil
	return err
}

// rehearseCreate creates a volume of pool p in a dry run, which reports problems with its name and format
// before its data are downloaded.
func (d *Driver) rehearseCreate(ctx context.Context, p *pooldef.Pool, v *pooldef.Volume) error {
	creator, ok := d.rehearsal(p.Type).(backend.Creator)
	if !ok {
		return nil
	}
	trial := *v
	trial.Target.Format = cmp.Or(v.Target.Format, p.Type.Info().DefaultVolumeFormat)
	if !v.Capacity.Known {
		trial.Capacity = pooldef.Bytes(1 << 20) // that of the image is not yet known
	}
	err := creator.Create(ctx, p, &trial, backend.CreateOptions{Preallocation: "off"})
	if errors.As(err, new(*backend.Warning)) {
		return nil
	}
	return err
}

// describe returns the description of a downloaded image, which may become a volume.
func (d *Driver) describe(ctx context.Context, from fetch.Source, file *fetch.File) (*pooldef.Volume, error) {
	directory := &pooldef.Pool{Type: pooldef.Dir, Target: pooldef.Target{Path: file.Dir}}
	image, err := d.Backends[pooldef.Dir].Volume(ctx, directory, file.Name)
	if err == nil {
		if err = from.Check(file, image); err != nil {
			file.Keep = false
		}
	}
	return image, err
}

// formatIn returns the format of a volume that gets the data of an image.
func formatIn(info *pooldef.TypeInfo, image *pooldef.Volume) string {
	if slices.Contains(info.VolumeFormats, image.Target.Format) {
		return image.Target.Format
	}
	return info.DefaultVolumeFormat
}

// planFetched prints the command that creates a volume from a downloaded image, of which a dry run knows
// neither the format nor the size.
func (d *Driver) planFetched(
	ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, file *fetch.File,
) error {
	c := host.Cmd("poolctl", "vol-fetch", v.Name, "file://"+file.Path(), cmp.Or(p.Name, p.UUID), "--no-checksum")
	if v.Target.Format != "" {
		c.Args = append(c.Args, "--format", v.Target.Format)
	}
	if v.Capacity.Known {
		c.Args = append(c.Args, "--resize", strconv.FormatUint(v.Capacity.Bytes, 10))
	}
	file.Keep = false
	return d.Host.Change(ctx, c)
}
