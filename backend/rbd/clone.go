package rbd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Clone implements backend.Cloner. It makes a copy-on-write clone of an image in the same cluster, through a
// snapshot, unless a full copy is requested.
func (b *Backend) Clone(
	ctx context.Context, p *pooldef.Pool, d, source *pooldef.Volume, o backend.CloneOptions,
) error {
	at, err := b.placeForNew(ctx, p, d, o.CreateOptions)
	if err != nil {
		return err
	}
	wanted := *d
	if !d.Capacity.Known {
		wanted.Capacity = source.Capacity
	}
	if err := backend.CheckNotSmaller(&wanted, source.Capacity.Bytes, "source"); err != nil {
		return err
	}
	from, is := originPool(p, o.From)
	switch {
	case is && !o.Full:
		return b.cloneShared(ctx, p, at, &wanted, from, source.Name)
	case is:
		return b.copy(ctx, p, at, &wanted, from, source, o)
	case o.Reflink:
		return &host.ReflinkError{Path: source.Target.Path, Err: errors.New("it is in another Ceph cluster")}
	case source.Type != "file" && source.Type != "block" && (o.From == nil || o.From.Type != p.Type):
		return &backend.UnsupportedError{
			Type: p.Type, What: "copying volumes of type " + source.Type + " of other storage",
		}
	}
	return b.fill(ctx, p, at, &wanted, source, o)
}

// originPool returns the place of the source's images, and false if they are not in this pool's cluster.
func originPool(p, from *pooldef.Pool) (place, bool) {
	if from == nil || from.Type != p.Type || !slices.Equal(from.Source.Hosts, p.Source.Hosts) {
		return place{}, false
	}
	at, err := placeOf(from)
	return at, err == nil
}

// copy creates an image with its own copy of all data.
func (b *Backend) copy(
	ctx context.Context, p *pooldef.Pool, at place, d *pooldef.Volume, from place, source *pooldef.Volume,
	o backend.CloneOptions,
) error {
	if o.Reflink {
		return &host.ReflinkError{Path: source.Target.Path, Err: errors.New("a full copy is requested")}
	}
	if err := b.checkNotInUse(ctx, p, from, source.Name, o.InUse, true); err != nil {
		return err
	}
	return b.withStaging(ctx, p, at, d.Name, func(temp string) error {
		args := slices.Concat(at.args("dest-"), []string{"--dest=" + temp, quiet}, objectSizeOption(d))
		err := mapErrNotFound(b.change(ctx, p, "cp", from, source.Name, args...), source.Name)
		return b.enlarge(ctx, p, at, temp, d, source.Capacity.Bytes, err)
	})
}

// enlarge resizes a new image to the requested size if its source is smaller. It passes err through.
func (b *Backend) enlarge(
	ctx context.Context, p *pooldef.Pool, at place, temp string, d *pooldef.Volume, size uint64, err error,
) error {
	if err == nil && d.Capacity.Bytes > size {
		err = b.change(ctx, p, "resize", at, temp, sizeOption(d.Capacity.Bytes), quiet)
	}
	return err
}

// fill creates an image from a file, a block device or an image of another cluster. If the source has an
// image format, fill copies the data that a guest sees.
func (b *Backend) fill(
	ctx context.Context, p *pooldef.Pool, at place, d, source *pooldef.Volume, o backend.CloneOptions,
) error {
	write := func(temp string) error {
		return b.importDiff(ctx, p, at, temp, host.PipeIn{
			Source:   &host.Source{Path: source.Target.Path, InUse: o.InUse},
			Size:     d.Capacity.Bytes,
			Sparse:   true,
			Progress: o.Progress,
		})
	}
	if source.Type == "network" || !qemuimg.IsPlain(source) {
		from, err := b.openSource(ctx, source, o)
		if err != nil {
			return err
		}
		defer from.Close()
		from.InUse = o.InUse
		write = func(temp string) error { return b.convert(ctx, p, at, temp, from, o.Progress) }
	}
	return b.withStaging(ctx, p, at, d.Name, func(temp string) error {
		if err := b.create(ctx, p, at, temp, d, o.CreateOptions); err != nil {
			return err
		}
		return write(temp)
	})
}

// openSource opens the source of a copy for qemu-img.
func (b *Backend) openSource(
	ctx context.Context, source *pooldef.Volume, o backend.CloneOptions,
) (*qemuimg.Image, error) {
	if source.Type != "network" {
		return qemuimg.Open(b.secrets, source, o.MayRead)
	}
	at, err := placeOf(o.From)
	if err == nil {
		err = b.checkNotInUse(ctx, o.From, at, source.Name, o.InUse, true)
	}
	if err != nil {
		return nil, err
	}
	return b.imageOf(ctx, o.From, source)
}

// convert runs qemu-img to write the guest-visible data of an image into a new Ceph image.
func (b *Backend) convert(
	ctx context.Context, p *pooldef.Pool, at place, temp string, from *qemuimg.Image, progress host.Progress,
) error {
	to, err := b.forQemu(ctx, p, at, temp)
	if err != nil {
		return err
	}
	if err := b.host.Change(ctx, qemuimg.IntoRBD(from, to, progress)); err != nil {
		return qemuimg.ExplainRBD(err)
	}
	return from.Whole()
}

// forQemu describes an image, with the login, for qemu-img.
func (b *Backend) forQemu(
	ctx context.Context, p *pooldef.Pool, at place, name string,
) (i qemuimg.RBD, err error) {
	i = qemuimg.RBD{Pool: at.pool, Namespace: at.namespace, Image: name}
	_, key, err := b.login(p)
	if err != nil || len(key) == 0 {
		return i, err
	}
	monitors, err := b.monitors(ctx, p)
	limit := b.limit()
	i.User, i.Key = p.Source.Auth.Username, &key[0]
	i.Conf = fmt.Sprintf(
		"[global]\nmon_host = %s\nclient_mount_timeout = %s\nrados_mon_op_timeout = %s\nrados_osd_op_timeout "+
			"= %s\n", monitors, limit, limit, limit,
	)
	return i, err
}
