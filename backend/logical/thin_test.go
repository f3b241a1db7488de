package logical

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// newThinPool returns a pool whose volumes are thin.
func newThinPool(t *testing.T) *pooldef.Pool {
	p := newPool(t, 1)
	p.ThinPool = "tp"
	return p
}

// activeThin matches the active internal volumes of the thin pool.
var activeThin = regexp.MustCompile(`(\[tp_t\w+\] \S+ \S{4})ao`)

func TestConformanceThin(t *testing.T) {
	backendtest.NeedsLab(t, "thin volumes")
	withoutAutoactivation(t)
	o := options()
	o.Pool = newThinPool
	o.Snapshot = func(t *testing.T, _ *pooldef.Pool) string {
		if !strings.HasSuffix(t.Name(), "/KilledPool") {
			return snapshot(t)
		}
		// A killed stop may have deactivated the thin pool. The pool has no volumes, so it still counts as
		// active.
		return activeThin.ReplaceAllString(snapshot(t), "$1--")
	}
	o.Elsewhere = backendtest.Because("TestConformance and TestConformanceFaults have it with plain volumes",
		append(slices.Concat(backendtest.VolumeFaults, backendtest.Requests), "KilledPool", "Snapshots",
			"Listing", "Transfers", "Wiping")...)
	backendtest.Run(t, o)
}

// startedThin returns a built and started thin pool with a volume of 32 MiB, of which 1 MiB has been written.
func startedThin(t *testing.T) (*pooldef.Pool, *Backend, []byte) {
	t.Helper()
	p, b := newThinPool(t), newBackend()
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", 32*mib), backend.CreateOptions{}))
	data := backendtest.Pattern(mib, 1)
	write(t, path(p, "v"), data)
	return p, b, data
}

func write(t *testing.T, device string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	ok(t, err)
	_, err = f.Write(data)
	ok(t, err)
	ok(t, f.Sync())
	ok(t, f.Close())
}

// holds fails the test unless a volume has the given size and data, occupies no more of the thin pool than
// the data need, and does not depend on another volume.
func holds(t *testing.T, b *Backend, p *pooldef.Pool, name string, size uint64, data []byte) {
	t.Helper()
	v, err := b.Volume(t.Context(), p, name)
	ok(t, err)
	if v.Capacity.Bytes != size || v.Allocation.Bytes > uint64(len(data)) ||
		v.Allocation.Bytes < uint64(len(data))/2 || v.Backing != nil || v.Err != nil {
		t.Errorf("%s: %+v", name, *v)
	}
	f, err := os.Open(path(p, name))
	ok(t, err)
	defer f.Close()
	got := make([]byte, 2*len(data))
	if _, err := f.Read(got); err != nil ||
		!bytes.Equal(got, append(bytes.Clone(data), make([]byte, len(data))...)) {
		t.Errorf("%s has other data, error %v", name, err)
	}
}

// TestThin creates volumes larger than their thin pool, and clones that occupy only the space they need.
func TestThin(t *testing.T) {
	p, b, data := startedThin(t)
	space, err := b.Space(t.Context(), p)
	if err != nil || space.Capacity < 100*mib || space.Capacity > 128*mib || space.Allocation < mib/2 ||
		space.Allocation > mib || space.Allocation+space.Available != space.Capacity {
		t.Errorf("%+v, error %v", space, err)
	}
	holds(t, b, p, "v", 32*mib, data)
	ok(t, b.Create(t.Context(), p, volume("huge", 1<<40), backend.CreateOptions{}))
	v, err := b.Volume(t.Context(), p, "v")
	ok(t, err)
	var trace bytes.Buffer
	traced := New(host.NewTrace(&host.Local{}, &trace), nil)
	ok(t, traced.Clone(t.Context(), p, volume("same", 32*mib), v, backend.CloneOptions{Reflink: true}))
	if text := trace.String(); !strings.Contains(text, "--snapshot") || strings.Contains(text, "dd ") {
		t.Errorf("cloned by\n%s", text)
	}
	ok(t, b.Clone(t.Context(), p, volume("larger", 64*mib), v, backend.CloneOptions{}))
	write(t, path(p, "v"), backendtest.Pattern(mib, 2))
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "v")) // its clones do not depend on it
	holds(t, b, p, "same", 32*mib, data)
	holds(t, b, p, "larger", 64*mib, data)
	image := t.TempDir() + "/qcow2"
	ok(t, os.WriteFile(image, backendtest.Convert(t, "raw", "qcow2", append(bytes.Clone(data),
		make([]byte, 15*mib)...)), 0o600))
	source := &pooldef.Volume{
		Type:     "file",
		Name:     "qcow2",
		Capacity: pooldef.Bytes(16 * mib),
		Target:   pooldef.VolumeTarget{Path: image, Format: "qcow2"},
	}
	ok(t, b.Clone(t.Context(), p, volume("image", 32*mib), source, backend.CloneOptions{}))
	holds(t, b, p, "image", 32*mib, data)
	refused[*backend.StateError](
		t, "wipe what is larger than the thin pool", b.Wipe(t.Context(), p, "huge", "zero", nil),
		"1099511627776 bytes", "\"tp\"",
	)
	ok(t, b.Resize(t.Context(), p, "same", 64*mib, backend.ResizeOptions{}))
	holds(t, b, p, "same", 64*mib, data)
	run(t, "lvcreate", "-qy", "-an", "-Zn", "-n", "lin", "--type", "error", "-L", "4M", "vg-0")
	refused[*backend.StateError](t, "remove with volumes", b.DeletePool(t.Context(), p), "huge", "lin")
	for name, words := range map[string][]string{
		"none": {"no thin pool \"none\"", "vg-0"},
		"huge": {"\"huge\"", "not a thin pool but thin"},
	} {
		p.ThinPool = name
		refused[*backend.StateError](
			t, "create in "+name, b.Create(t.Context(), p, volume("x", mib), backend.CreateOptions{}), words...,
		)
		refused[*backend.StateError](t, "start with "+name, b.Start(t.Context(), p), words...)
		_, err := b.Space(t.Context(), p)
		refused[*backend.StateError](t, "space of "+name, err, words...)
	}
	p.ThinPool = "tp"
	run(t, "vgchange", "-q", "-an", "vg-0")
	_, err = b.Space(t.Context(), p)
	refused[*backend.StateError](t, "space, not active", err, "\"tp\" is not active")
	refused[*backend.StateError](
		t, "create, not active", b.Create(t.Context(), p, volume("x", mib), backend.CreateOptions{}),
		"\"tp\" is not active",
	)
}

// TestThinInUse clones a volume that a guest may be writing to.
func TestThinInUse(t *testing.T) {
	p, b, data := startedThin(t)
	v, err := b.Volume(t.Context(), p, "v")
	ok(t, err)
	f, err := os.OpenFile(v.Target.Path, os.O_RDWR, 0)
	ok(t, err)
	defer f.Close()
	// qemu locks an image that it writes to in this way (its block/file-posix.c).
	ok(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK, Start: 101, Len: 1}))
	clone := func(inUse bool) error {
		return b.Clone(t.Context(), p, volume("copy", 32*mib), v, backend.CloneOptions{InUse: inUse})
	}
	refused[*host.InUseError](t, "clone", clone(false))
	ok(t, clone(true))
	holds(t, b, p, "copy", 32*mib, data)
}
