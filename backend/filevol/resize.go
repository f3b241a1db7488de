package filevol

import (
	"context"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Resize implements backend.Resizer: natively for raw volumes, with qemu-img in whole sectors for others.
// With o.Allocate, it allocates all of a raw volume, also if the size remains the same.
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
	if qemuimg.IsRaw(v.Target.Format) && v.Target.Encryption == nil {
		return f.resizeRaw(ctx, p, v, size, o)
	}
	return f.resizeImage(ctx, dir, p, v, size, o)
}

func (f Files) resizeRaw(
	ctx context.Context, p *pooldef.Pool, v *pooldef.Volume, size uint64, o backend.ResizeOptions,
) error {
	if size == v.Capacity.Bytes && !o.Allocate {
		return nil
	}
	err := o.CheckShrink(v.Capacity.Bytes, size)
	if err == nil && o.Allocate {
		err = f.checkSpace(p, v.Allocation.Bytes, size)
	}
	if err != nil {
		return err
	}
	return f.Host.Change(ctx, host.Resize{Path: v.Target.Path, Size: size, Allocate: o.Allocate})
}

// resizeImage resizes an image with qemu-img, which allocates only added space.
func (f Files) resizeImage(
	ctx context.Context, dir *host.Dir, p *pooldef.Pool, v *pooldef.Volume, size uint64, o backend.ResizeOptions,
) error {
	old, rounded := v.Capacity.Bytes, qemuimg.Rounded(v.Target.Format, size)
	if backend.HasSize(old, size, rounded) {
		return nil
	}
	preallocation := ""
	if o.Allocate && rounded > old { // qemu-img refuses preallocation otherwise
		preallocation = "falloc"
	}
	err := qemuimg.CheckResize(p, v, rounded, preallocation != "")
	if err == nil {
		err = o.CheckShrink(old, rounded)
	}
	if err == nil && preallocation != "" {
		err = f.checkSpace(p, old, rounded)
	}
	if err != nil {
		return err
	}
	h, err := dir.OpenPath(v.Name)
	if err != nil {
		return err
	}
	image, err := qemuimg.OpenToResize(f.Secrets, v, h, rounded, o.MayRead)
	if err != nil {
		return err
	}
	defer image.Close()
	resize := qemuimg.Resize(image, rounded, rounded < old, preallocation)
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
