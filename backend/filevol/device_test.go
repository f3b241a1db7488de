package filevol

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// newLoop returns a loop device with the data, which is removed when the test ends.
func newLoop(t *testing.T, data []byte) string {
	t.Helper()
	if _, err := os.Stat("/dev/loop-control"); err != nil || os.Geteuid() != 0 {
		backendtest.NotRun(t, "devices: they need root and loop devices")
	}
	file := write(t, newPool(t), "disk", string(data))
	out, err := new(host.Local).Query(t.Context(), host.Cmd("losetup", "-f", "--show", file))
	ok(t, err)
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { backendtest.Change(t, host.Cmd("losetup", "-d", device)) })
	return device
}

// TestCloneDevice clones a device that is a volume of this pool through a link, and a device that is a volume
// of another pool.
func TestCloneDevice(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(2<<20, 1)
	device := newLoop(t, data)
	ok(t, os.Symlink(device, p.Target.Path+"/linked"))
	linked := find(t, p, "linked")
	foreign := &pooldef.Volume{Type: "block", Name: "lv", Capacity: pooldef.Bytes(2 << 20),
		Target: pooldef.VolumeTarget{Path: device, Format: "linux-lvm"}}
	plain := put(t, p, "plain", "raw", data)
	for _, source := range []*pooldef.Volume{linked, foreign} {
		for _, format := range []string{"raw", "qcow2", "vmdk"} {
			ok(t, here.Clone(t.Context(), p, like(source, "v", format), source, backend.CloneOptions{}))
			v := find(t, p, "v")
			checkIdentical(t, plain, v)
			if v.Type != "file" || v.Target.Format != format {
				t.Errorf("%s to %s: %+v", source.Name, format, *v)
			}
			ok(t, here.Delete(t.Context(), p, "v"))
		}
	}
	if err := here.Resize(t.Context(), p, "linked", 4<<20, backend.ResizeOptions{}); err == nil {
		t.Error("a device was resized")
	}
	// An image header that a guest writes to its disk does not make the device an image: a device is raw.
	image := backendtest.Convert(t, "raw", "qcow2", data[:1<<20])
	ok(t, os.WriteFile(device, image, 0o600))
	ok(t, here.Clone(t.Context(), p, like(foreign, "v", "raw"), foreign, backend.CloneOptions{}))
	got, err := os.ReadFile(p.Target.Path + "/v")
	ok(t, err)
	if !bytes.HasPrefix(got, image) || len(got) != 2<<20 {
		t.Errorf("a device was read as an image: got %d bytes", len(got))
	}
}

// TestSparseStays wipes files with and without holes. Sparse files must stay sparse, allocated files must
// stay allocated.
func TestSparseStays(t *testing.T) {
	p := newPool(t)
	for _, test := range []struct {
		algorithm, preallocation string
		written                  bool
		room                     uint64
	}{
		{"zero", "off", true, 0}, {"zero", "falloc", true, 4 << 20}, {"zero", "full", false, 4 << 20},
		{"zero", "off", false, 0},
		{"trim", "off", true, 0}, {"trim", "falloc", true, 0}, {"random", "off", true, 4 << 20},
		{"random", "falloc", true, 4 << 20},
	} {
		create(t, p, rawVolume("v", 4<<20), test.preallocation)
		if test.written {
			f, err := os.OpenFile(p.Target.Path+"/v", os.O_WRONLY, 0)
			ok(t, err)
			_, err = f.WriteAt(backendtest.Pattern(1<<20, 1), 1<<20)
			ok(t, errors.Join(err, f.Close()))
		}
		ok(t, here.Wipe(t.Context(), p, "v", test.algorithm, nil))
		var st unix.Stat_t
		ok(t, unix.Stat(p.Target.Path+"/v", &st))
		if room := uint64(st.Blocks) * 512; st.Size != 4<<20 || room < test.room || room > test.room+65536 {
			t.Errorf("%+v: got %d bytes, %d allocated", test, st.Size, room)
		}
		ok(t, here.Delete(t.Context(), p, "v"))
	}
}

// TestNoSpace requests more space than is available. Nothing may change or be left behind.
func TestNoSpace(t *testing.T) {
	p := poolIn(backendtest.Mount(t, "-t", "tmpfs", "-o", "size=8m", "tmpfs"))
	data := backendtest.Pattern(1<<20, 1)
	for _, format := range []string{"raw", "qcow2"} {
		put(t, p, format, format, data)
		before := backendtest.Tree(t, p.Target.Path)
		space, err := here.Space(t.Context(), p)
		ok(t, err)
		err = here.Resize(t.Context(), p, format, 64<<20, backend.ResizeOptions{Allocate: true})
		if !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: error %v", format, err)
		}
		if after := backendtest.Tree(t, p.Target.Path); after != before {
			t.Errorf("%s: before\n%s\nafter\n%s", format, before, after)
		}
		if now, _ := here.Space(t.Context(), p); now != space {
			t.Errorf("%s: before %+v, after %+v", format, space, now)
		}
	}
}

// TestForeignLinks writes to volumes that are another user's links out of the pool. Every write must be
// refused.
func TestForeignLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "links of other users: they need root")
	}
	p, victim := newPool(t), newPool(t)
	for _, format := range []string{"raw", "qcow2"} {
		path := put(t, victim, format, format, backendtest.Pattern(1<<20, 1)).Target.Path
		ok(t, os.Symlink(path, p.Target.Path+"/"+format))
		ok(t, os.Lchown(p.Target.Path+"/"+format, 4711, 4711))
	}
	before := backendtest.Tree(t, victim.Target.Path)
	from, err := os.Open(victim.Target.Path + "/raw")
	ok(t, err)
	defer from.Close()
	for _, name := range []string{"raw", "qcow2"} {
		for what, do := range map[string]func(ctx context.Context) error{
			"resize": func(ctx context.Context) error {
				return here.Resize(ctx, p, name, 2<<20,
					backend.ResizeOptions{})
			},
			"wipe":   func(ctx context.Context) error { return here.Wipe(ctx, p, name, "zero", nil) },
			"scrub":  func(ctx context.Context) error { return here.Wipe(ctx, p, name, "random", nil) },
			"upload": func(ctx context.Context) error { return here.Upload(ctx, p, name, from, backend.Transfer{}) },
		} {
			if err := do(t.Context()); err == nil {
				t.Errorf("%s %s: got no error", what, name)
			}
			if after := backendtest.Tree(t, victim.Target.Path); after != before {
				t.Fatalf("%s %s: victim before\n%s\nafter\n%s", what, name, before, after)
			}
		}
	}
}
