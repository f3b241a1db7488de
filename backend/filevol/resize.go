package filevol

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// sector is what qemu-img wants sizes to be multiples of, in bytes.
const sector = 512

// inSectors rounds up a size.
func inSectors(size uint64) uint64 { return (size + sector - 1) / sector * sector }

// Resize implements backend.Resizer: of raw volumes natively, of others by qemu-img, in whole sectors.
func (f Files) Resize(ctx context.Context, p *pooldef.Pool, name string, size uint64, o backend.ResizeOptions) error {
	dir, v, err := f.withData(ctx, p, name, "resizing")
	if err != nil {
		return err
	}
	defer dir.Close()
	if v.Err != nil {
		return v.Err
	}
	raw := qemuimg.IsRaw(v.Target.Format) && v.Target.Encryption == nil
	if size < v.Capacity.Bytes && !o.Shrink {
		return fmt.Errorf("it has %d bytes: those behind the new end would be lost", v.Capacity.Bytes)
	}
	if o.Allocate {
		has := v.Allocation.Bytes
		if !raw { // qemu-img gives room to what is new
			has = v.Capacity.Bytes
		}
		if err := f.hasRoom(p, has, size); err != nil {
			return err
		}
	}
	if raw {
		return f.Host.Change(ctx, host.Resize{Path: v.Target.Path, Size: size, Allocate: o.Allocate})
	}
	h, err := dir.OpenPath(name)
	if err != nil {
		return err
	}
	image, err := qemuimg.OpenToResize(f.Secrets, v, h, size, o.Known)
	if err != nil {
		return err
	}
	defer image.Close()
	preallocation := ""
	if o.Allocate && size > v.Capacity.Bytes { // qemu-img refuses it otherwise
		preallocation = "falloc"
	}
	resize := qemuimg.Resize(image, inSectors(size), o.Shrink, preallocation)
	return f.changeEach(ctx, []host.Step{resize, host.Sync{Path: v.Target.Path}})
}

// hasRoom returns an error if what has some room cannot get all of it: finding out while it gets it would leave it with some.
func (f Files) hasRoom(p *pooldef.Pool, has, all uint64) error {
	space, err := f.Host.Space(p.Target.Path)
	if err == nil && all > has && all-has > space.Free {
		err = unix.ENOSPC
	}
	return err
}
