package rbd

import (
	"context"
	"fmt"

	"poolctl/backend"
	"poolctl/backend/host/shell"
	"poolctl/backend/qemuimg"
	"poolctl/pooldef"
)

// Hold implements backend.Holder. Ceph cannot keep others from opening an image, so Hold makes a snapshot:
// Check returns an error if the image differs from it or is open anywhere. RemoveStale removes the snapshot
// of a process that was killed.
func (b *Backend) Hold(ctx context.Context, p *pooldef.Pool, name string) (backend.Held, error) {
	at, err := placeOf(p)
	if err == nil {
		err = b.checkNotInUse(ctx, p, at, name, false, false)
	}
	if err != nil {
		return nil, err
	}
	h := &held{b: b, pool: p, at: at, name: name, base: snapshotNames.New()}
	if err := b.change(ctx, p, "snap create", at, name, "--snap="+h.base, quiet); err != nil {
		_ = b.removeBase(context.WithoutCancel(ctx), p, at, name, h.base)
		snapshotNames.Release(h.base)
		return nil, err
	}
	return h, nil
}

// held is an image with a snapshot of the state that it had when it was held.
type held struct {
	b    *Backend
	pool *pooldef.Pool
	at   place
	name string
	base string // the snapshot; empty when it was removed
}

// Check implements backend.Held.
func (h *held) Check(ctx context.Context) error {
	if err := h.b.checkNotInUse(ctx, h.pool, h.at, h.name, false, false); err != nil {
		return err
	}
	var different []struct{}
	err := h.b.queryImage(
		ctx, h.pool, &different, "diff", h.at, h.name, "--from-snap="+h.base, "--whole-object",
	)
	if err == nil && len(different) > 0 {
		err = fmt.Errorf("%q changed meanwhile", path(h.pool, h.name))
	}
	return err
}

// Release implements backend.Held.
func (h *held) Release(ctx context.Context) error {
	if h.base == "" {
		return nil
	}
	defer snapshotNames.Release(h.base)
	err := h.b.change(ctx, h.pool, "snap rm", h.at, h.name, "--snap="+h.base, quiet)
	if err == nil {
		h.base = ""
	}
	return err
}

// Compare implements backend.Comparer. other is on this machine or in a Ceph cluster, too.
func (b *Backend) Compare(
	ctx context.Context, p *pooldef.Pool, v, other *pooldef.Volume, o backend.CloneOptions,
) error {
	i, err := b.imageOf(ctx, p, v)
	if err != nil {
		return err
	}
	var with *qemuimg.Image
	switch {
	case other.Type == "network" && o.From != nil && o.From.Type == p.Type:
		with, err = b.imageOf(ctx, o.From, other)
	case o.MayRead != nil && other.Backing != nil:
		with, err = qemuimg.Open(b.secrets, other, o.MayRead)
	default:
		with, err = qemuimg.OpenCopy(b.secrets, other)
	}
	if err != nil {
		return err
	}
	defer with.Close()
	return qemuimg.ExplainRBD(qemuimg.CompareImages(ctx, b.host, i, with, o.Progress))
}

// sector is the unit of sizes in QEMU, in bytes.
const sector = 512

// imageOf describes a volume of a pool for qemu-img.
func (b *Backend) imageOf(ctx context.Context, p *pooldef.Pool, v *pooldef.Volume) (*qemuimg.Image, error) {
	at, err := placeOf(p)
	if odd := v.Capacity.Bytes % sector; err == nil && odd > 0 {
		size := v.Capacity.Bytes
		err = &backend.StateError{
			Text: fmt.Sprintf(
				"QEMU cannot read %q: its size, %d bytes, is not a multiple of %d", path(p, v.Name), size, sector,
			),
			Hint: shell.Join("poolctl", "vol-resize", v.Name, fmt.Sprint(size-odd+sector), p.Name),
		}
	}
	if err != nil {
		return nil, err
	}
	from, err := b.forQemu(ctx, p, at, v.Name)
	return qemuimg.OfCeph(from, path(p, v.Name), v.Capacity.Bytes), err
}
