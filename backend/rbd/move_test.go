package rbd

import (
	"testing"

	"poolctl/backend"
	"poolctl/pooldef"
)

// TestHold holds an image, and changes it: Check returns an error. No snapshot is left.
func TestHold(t *testing.T) {
	b, p, data := newPoolWithImage(t, "v")
	h, err := b.Hold(t.Context(), p, "v")
	ok(t, err)
	ok(t, h.Check(t.Context()))
	ok(t, b.Clone(t.Context(), p, volume("copy", mib), &pooldef.Volume{
		Name: "v", Type: "network", Capacity: pooldef.Bytes(mib),
	}, backend.CloneOptions{Full: true, From: p}))
	compare := func() error {
		v, err := b.Volume(t.Context(), p, "v")
		ok(t, err)
		copied, err := b.Volume(t.Context(), p, "copy")
		ok(t, err)
		return b.Compare(t.Context(), p, copied, v, backend.CloneOptions{From: p})
	}
	ok(t, compare())
	data[0]++
	ok(t, b.Upload(t.Context(), p, "v", file(t, data[:1]), backend.Transfer{}))
	if err := h.Check(t.Context()); err == nil {
		t.Error("the change was not detected")
	}
	if err := compare(); err == nil {
		t.Error("the difference was not detected")
	}
	ok(t, h.Release(t.Context()))
	ok(t, h.Release(t.Context()))
	ok(t, b.Delete(t.Context(), p, "v")) // it has no snapshots
}
