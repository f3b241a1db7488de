package filevol

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// CheckImage implements backend.ImageChecker, with qemu-img.
func (f Files) CheckImage(
	ctx context.Context, p *pooldef.Pool, name, repair string,
) (found backend.Damage, err error) {
	dir, v, err := f.openData(ctx, p, name, "checking")
	if err != nil {
		return found, err
	}
	defer dir.Close()
	if v.Err != nil {
		return found, v.Err
	}
	if err := qemuimg.CanCheck(v.Target.Format, repair != ""); err != nil {
		return found, err
	}
	if found, err = f.check(ctx, dir, v); err != nil || repair == "" || found == (backend.Damage{}) {
		return found, err
	}
	if err := f.repair(ctx, dir, v, repair); err != nil {
		return found, err
	}
	return f.check(ctx, dir, v)
}

// check checks an image that no other process may be writing to.
func (f Files) check(ctx context.Context, dir *host.Dir, v *pooldef.Volume) (backend.Damage, error) {
	image, err := f.openAlone(dir, v, false)
	if err != nil {
		return backend.Damage{}, err
	}
	defer image.Close()
	return qemuimg.ReadCheck(f.Host.Query(ctx, qemuimg.CheckImage(image)))
}

// repair repairs an image. It is no error if some damage remains.
func (f Files) repair(ctx context.Context, dir *host.Dir, v *pooldef.Volume, what string) error {
	image, err := f.openAlone(dir, v, true)
	if err != nil {
		return err
	}
	defer image.Close()
	err = f.Host.Change(ctx, qemuimg.Repair(image, what))
	if err != nil && !qemuimg.IsDamage(err) {
		return qemuimg.TranslateError(err)
	}
	return f.Host.Change(ctx, host.Sync{Path: v.Target.Path})
}

func (f Files) openAlone(dir *host.Dir, v *pooldef.Volume, write bool) (*qemuimg.Image, error) {
	h, err := dir.OpenPath(v.Name)
	if err != nil {
		return nil, err
	}
	return qemuimg.OpenAlone(f.Secrets, v, h, write)
}
