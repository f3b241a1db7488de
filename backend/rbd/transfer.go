package rbd

import (
	"context"
	"os"
	"slices"
	"sync"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// VolumeToTransfer implements backend.TransferFinder. It queries who uses the image at the same time as the
// image's properties; checkNotInUse then finds the answer. rbd has no query for both: info has the size,
// status the watchers (rbd(8)). The lock of the command that sends the data cannot replace the second query,
// because clients hand their locks over (https://docs.ceph.com/en/latest/rbd/rbd-exclusive-locks).
func (b *Backend) VolumeToTransfer(
	ctx context.Context, p *pooldef.Pool, name string,
) (v *pooldef.Volume, err error) {
	at, err := placeOf(p)
	if err != nil || checkName(name) != nil {
		return b.Volume(ctx, p, name)
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = b.status(ctx, p, at, name) }) // an error is not kept: checkNotInUse queries again
	v, err = b.Volume(ctx, p, name)
	both.Wait()
	return v, err
}

// Upload implements backend.Uploader.
func (b *Backend) Upload(
	ctx context.Context, p *pooldef.Pool, name string, from *os.File, t backend.Transfer,
) error {
	return b.write(ctx, p, name, func(size uint64) host.PipeIn {
		return host.PipeIn{
			From:     from,
			Name:     t.File,
			Size:     size,
			Offset:   t.Offset,
			Length:   t.Length,
			Sparse:   t.Sparse,
			Progress: t.Progress,
		}
	})
}

// Wipe implements backend.Wiper. It deallocates the image's data, which then read as zeros. It refuses an
// image with snapshots, which would keep the data. The data of clones remain.
func (b *Backend) Wipe(
	ctx context.Context, p *pooldef.Pool, name, algorithm string, progress host.Progress,
) error {
	if algorithm != "zero" && algorithm != "trim" {
		return &backend.UnsupportedError{Type: p.Type, What: "wiping by " + algorithm}
	}
	_, kept, err := b.kept(ctx, p, name)
	if err == nil {
		err = backend.SnapshotsKeepData(namesOf(kept))
	}
	if err != nil {
		return err
	}
	return b.write(ctx, p, name, func(size uint64) host.PipeIn {
		return host.PipeIn{Size: size, Length: size, Sparse: true, Progress: progress}
	})
}

// write writes into an image that is not in use.
func (b *Backend) write(
	ctx context.Context, p *pooldef.Pool, name string, what func(size uint64) host.PipeIn,
) error {
	i, err := b.info(ctx, p, name)
	if err != nil {
		return err
	}
	at, _ := placeOf(p)
	if err := b.checkNotInUse(ctx, p, at, name, false, false); err != nil {
		return err
	}
	return b.importDiff(ctx, p, at, name, what(i.Size))
}

// importDiff runs rbd to write into an image.
func (b *Backend) importDiff(
	ctx context.Context, p *pooldef.Pool, at place, name string, f host.PipeIn,
) error {
	c, err := b.command(ctx, p, "rbd", imageArgs("import-diff", at, name, quiet, "-")...)
	if err != nil {
		return err
	}
	f.Command, f.Format, f.Target = c, diff{}, path(p, name)
	return mapErrNotFound(b.translateError(ctx, p, b.host.Change(ctx, f)), name)
}

// Download implements backend.Downloader. rbd can only read an image from its start; unallocated parts are
// not read.
func (b *Backend) Download(
	ctx context.Context, p *pooldef.Pool, name string, to *os.File, t backend.Transfer,
) error {
	i, err := b.info(ctx, p, name)
	if err != nil {
		return err
	}
	at, _ := placeOf(p)
	if err := b.checkNotInUse(ctx, p, at, name, t.InUse, true); err != nil {
		return err
	}
	c, err := b.command(ctx, p, "rbd")
	if err != nil {
		return err
	}
	export := func(verb string) host.Command {
		command := c
		command.Args = slices.Concat(c.Args, imageArgs(verb, at, name, quiet, "-"))
		return command
	}
	drain := host.PipeOut{
		Command:  export("export-diff"),
		Plain:    export("export"),
		Format:   diff{},
		From:     path(p, name),
		Size:     i.Size,
		To:       to,
		Name:     t.File,
		Offset:   t.Offset,
		Length:   t.Length,
		Sparse:   t.Sparse,
		Progress: t.Progress,
	}
	return mapErrNotFound(b.translateError(ctx, p, b.host.Change(ctx, drain)), name)
}

// FillImage implements backend.ImageFiller.
func (b *Backend) FillImage(
	ctx context.Context, p *pooldef.Pool, name, file, format string, o backend.CloneOptions,
) error {
	i, err := b.info(ctx, p, name)
	if err != nil {
		return err
	}
	at, _ := placeOf(p)
	if err := b.checkNotInUse(ctx, p, at, name, o.InUse, true); err != nil {
		return err
	}
	from, err := b.imageOf(ctx, p, &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(i.Size)})
	if err != nil {
		return err
	}
	from.InUse = o.InUse
	to := qemuimg.Made(file, format, nil)
	to.Blank = true
	return qemuimg.ExplainRBD(b.host.Change(ctx, qemuimg.Into(from, to, o.Progress)))
}
