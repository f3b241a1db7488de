package filevol

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// newOverlay creates a raw image of 64 MiB and the overlay "v" of it, which has its own second MiB. It
// returns what a guest sees in the overlay.
func newOverlay(t *testing.T, p *pooldef.Pool) []byte {
	t.Helper()
	const mib = 1 << 20
	data := backendtest.Pattern(64*mib, 1)
	base := write(t, newPool(t), "base", string(data))
	create(t, p, &pooldef.Volume{Name: "v", Target: pooldef.VolumeTarget{Format: "qcow2"},
		Backing: &pooldef.VolumeTarget{Path: base, Format: "raw"}}, "")
	backendtest.Change(t, host.Cmd("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 1M", p.Target.Path+"/v"))
	for i := range mib {
		data[mib+i] = 7
	}
	return data
}

// guestSees checks what a guest sees in the volume v, and reports whether it has a backing file.
func guestSees(t *testing.T, p *pooldef.Pool, data []byte) (hasBacking bool) {
	t.Helper()
	path, raw := p.Target.Path+"/v", t.TempDir()+"/raw"
	backendtest.Change(t, host.Cmd("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw))
	got, err := os.ReadFile(raw)
	ok(t, err)
	if string(got) != string(data) {
		t.Error("the volume has other data")
	}
	v, err := here.Volume(t.Context(), p, "v")
	ok(t, err)
	return v.Backing != nil
}

// TestFlattenFull flattens an image on a file system that has no room for the data, and then has.
func TestFlattenFull(t *testing.T) {
	p := poolIn(backendtest.Mount(t, "-t", "tmpfs", "-o", "size=16m", "tmpfs"))
	data := newOverlay(t, p)
	o := backend.ChainOptions{MayRead: anything}
	err := here.Flatten(t.Context(), p, "v", o)
	if err == nil || !strings.Contains(err.Error(), "No space left") {
		t.Errorf("error %v", err)
	}
	if !guestSees(t, p, data) {
		t.Error("the backing file is gone")
	}
	backendtest.Change(t, host.Cmd("mount", "-o", "remount,size=80m", p.Target.Path))
	ok(t, here.Flatten(t.Context(), p, "v", o))
	if guestSees(t, p, data) {
		t.Error("there still is a backing file")
	}
}

// TestFlattenCancelled cancels a flatten that has copied a part of the data, and one that has just removed
// the backing file from the header. qemu-img ends at once. The image has its data, and a repetition is
// complete.
func TestFlattenCancelled(t *testing.T) {
	p := newPool(t)
	all := backend.ChainOptions{MayRead: anything}
	for _, moment := range []string{"during the copy", "without a backing file"} {
		data := newOverlay(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		o := all
		if moment == "during the copy" {
			o.Progress = func(done, _ uint64) {
				if done > 0 {
					cancel()
				}
			}
		} else {
			go func() {
				defer cancel()
				awaitNoBacking(ctx, p.Target.Path+"/v")
			}()
		}
		err := here.Flatten(ctx, p, "v", o)
		if cancel(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", moment, err)
		}
		guestSees(t, p, data)
		ok(t, here.Flatten(t.Context(), p, "v", all))
		if guestSees(t, p, data) {
			t.Errorf("%s: the repeated flatten left a backing file", moment)
		}
		ok(t, here.Delete(t.Context(), p, "v"))
	}
}

// awaitNoBacking returns as soon as the header of a qcow2 image has no backing file.
func awaitNoBacking(ctx context.Context, path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	for offset := []byte{1}; slices.Max(offset) > 0 && ctx.Err() == nil; {
		offset = make([]byte, 8)
		if _, err := f.ReadAt(offset, 8); err != nil {
			return
		}
	}
}
