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

// sector is the unit of qemu-img's sizes, in bytes.
const sector = 512

// inSectors rounds a size up to whole sectors.
func inSectors(size uint64) uint64 { return (size + sector - 1) / sector * sector }

// Resize implements backend.Resizer: natively for raw volumes, with qemu-img in whole sectors for others.
func (f Files) Resize(ctx context.Context, p *pooldef.Pool, name string, size uint64,
	o backend.ResizeOptions) error {
	dir, v, err := f.openData(ctx, p, name, "resizing")
	if err != nil {
		return err
	}
	defer dir.Close()
	if v.Err != nil {
		return v.Err
	}
	raw := qemuimg.IsRaw(v.Target.Format) && v.Target.Encryption == nil
	if size < v.Capacity.Bytes && !o.Shrink {
		return fmt.Errorf("it has %d bytes: the data beyond the new size would be lost", v.Capacity.Bytes)
	}
	if o.Allocate {
		has := v.Allocation.Bytes
		if !raw { // qemu-img allocates only the added space
			has = v.Capacity.Bytes
		}
		if err := f.checkSpace(p, has, size); err != nil {
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
	image, err := qemuimg.OpenToResize(f.Secrets, v, h, size, o.MayRead)
	if err != nil {
		return err
	}
	defer image.Close()
	preallocation := ""
	if o.Allocate && size > v.Capacity.Bytes { // qemu-img refuses preallocation otherwise
		preallocation = "falloc"
	}
	resize := qemuimg.Resize(image, inSectors(size), o.Shrink, preallocation)
	return f.changeEach(ctx, []host.Step{resize, host.Sync{Path: v.Target.Path}})
}

// checkSpace returns an error if a volume with some space allocated cannot get all of it. Running out of
// space during the allocation would leave the volume partly allocated.
func (f Files) checkSpace(p *pooldef.Pool, has, all uint64) error {
	space, err := f.Host.Space(p.Target.Path)
	if err == nil && all > has && all-has > space.Free {
		err = unix.ENOSPC
	}
	return err
}
