package rbd

import (
	"context"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Create implements backend.Creator. Images are sparse unless preallocation is requested. Their features and
// object size are Ceph's defaults, which the pool's definition can set. An image with a backing image is a
// clone of it.
func (b *Backend) Create(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions,
) error {
	at, err := b.placeForNew(ctx, p, d, o)
	if err != nil {
		return err
	}
	if d.Backing != nil {
		name, ok := b.Locate(ctx, p, d.Backing.Path)
		if !ok {
			return pooldef.Problems{{
				Element: "backingStore/path",
				Text:    fmt.Sprintf("%q is not in this pool: its clone cannot be here", d.Backing.Path),
			}}
		}
		return b.cloneShared(ctx, p, at, d, at, name)
	}
	if d.Capacity.Bytes == 0 {
		return pooldef.Problems{{Element: "capacity", Text: "missing: an image has a size"}}
	}
	return b.withStaging(
		ctx, p, at, d.Name, func(temp string) error { return b.create(ctx, p, at, temp, d, o) },
	)
}

// create creates an image.
func (b *Backend) create(
	ctx context.Context, p *pooldef.Pool, at place, name string, d *pooldef.Volume, o backend.CreateOptions,
) error {
	args := append([]string{sizeOption(d.Capacity.Bytes), quiet}, objectSizeOption(d)...)
	if o.Preallocation == "full" || o.Preallocation == "falloc" {
		args = append(args, "--thick-provision")
	}
	return b.change(ctx, p, "create", at, name, args...)
}

// objectSizeOption returns the option for the object size that the definition requests, if any.
func objectSizeOption(d *pooldef.Volume) []string {
	if d.Target.ClusterSize == 0 {
		return nil
	}
	return []string{fmt.Sprintf("--object-size=%dB", d.Target.ClusterSize)}
}

func sizeOption(bytes uint64) string { return fmt.Sprintf("--size=%dB", bytes) }

// placeForNew returns the place for a new image, after checking that the image can be created.
func (b *Backend) placeForNew(
	ctx context.Context, p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions,
) (place, error) {
	at, err := placeOf(p)
	if err == nil {
		err = checkDefinition(p, d, o)
	}
	if err == nil {
		err = b.checkNameFree(ctx, p, d.Name)
	}
	return at, err
}

// checkDefinition returns an error if an image cannot have the requested properties.
func checkDefinition(p *pooldef.Pool, d *pooldef.Volume, o backend.CreateOptions) error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	const least, most = 4 << 10, 32 << 20 // rbd(8), --object-size
	switch size := d.Target.ClusterSize; {
	case !slices.Contains([]string{"", "raw", "unknown"}, d.Target.Format):
		return &backend.UnsupportedError{
			Type: p.Type, What: "volumes of format " + d.Target.Format + ": an image is raw",
		}
	case d.Target.Encryption != nil:
		return &backend.UnsupportedError{Type: p.Type, What: "encryption"}
	case size > 0 && (size < least || size > most || size&(size-1) != 0):
		return pooldef.Problems{{
			Element: "target/clusterSize",
			Text:    fmt.Sprintf("%d: objects have a power of two between 4 KiB and 32 MiB", size),
		}}
	case o.Preallocation == "metadata":
		return pooldef.Problems{{Text: "there is no metadata to preallocate: use off, falloc or full"}}
	}
	return nil
}

// checkNameFree returns an error if an image has the name.
func (b *Backend) checkNameFree(ctx context.Context, p *pooldef.Pool, name string) error {
	all, err := b.names(ctx, p)
	if err == nil && slices.Contains(all, name) {
		err = existError(p, name)
	}
	return err
}
