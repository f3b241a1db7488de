package blockvol

import (
	"context"

	"poolctl/backend"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Hold implements backend.Holder. A device that the kernel or a process uses is not held.
func (d Devices) Hold(ctx context.Context, p *pooldef.Pool, name string) (backend.Held, error) {
	v, err := d.Find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	if users := d.Users(v.Target.Path); len(users) > 0 {
		return nil, &backend.BusyError{Path: v.Target.Path, Users: users}
	}
	h, err := d.Host.OpenPath(v.Target.Path)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return backend.HoldFile(h)
}

// Compare implements backend.Comparer.
func (d Devices) Compare(
	ctx context.Context, _ *pooldef.Pool, v, other *pooldef.Volume, o backend.CloneOptions,
) error {
	return qemuimg.Compare(ctx, d.Host, d.Secrets, v, other, o)
}
