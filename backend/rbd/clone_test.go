package rbd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

const mib = 1 << 20

func volume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size)}
}

// newPoolWithImage returns a backend and a pool with an image that contains data.
func newPoolWithImage(t *testing.T, name string) (*Backend, *pooldef.Pool, []byte) {
	t.Helper()
	p := newPool(t)
	b := New(&host.Local{}, keys{}, limit)
	ok(t, b.Create(t.Context(), p, volume(name, mib), backend.CreateOptions{}))
	return b, p, fill(t, b, p, name, 1)
}

func fill(t *testing.T, b *Backend, p *pooldef.Pool, name string, seed byte) []byte {
	t.Helper()
	data := backendtest.Pattern(mib, seed)
	ok(t, b.Upload(t.Context(), p, name, file(t, data), backend.Transfer{}))
	return data
}

func file(t *testing.T, data []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	ok(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Write(data)
	ok(t, err)
	_, err = f.Seek(0, 0)
	ok(t, err)
	return f
}

func holds(t *testing.T, b *Backend, p *pooldef.Pool, name string, data []byte) {
	t.Helper()
	f := file(t, nil)
	ok(t, b.Download(t.Context(), p, name, f, backend.Transfer{}))
	got, err := os.ReadFile(f.Name())
	ok(t, err)
	if len(got) < len(data) || string(got[:len(data)]) != string(data) {
		t.Errorf("%s has other data", name)
	}
}

func clone(t *testing.T, b *Backend, p *pooldef.Pool, from, to string, size uint64) error {
	t.Helper()
	source, err := b.Volume(t.Context(), p, from)
	ok(t, err)
	return b.Clone(t.Context(), p, volume(to, size), source, backend.CloneOptions{From: p})
}

// rows returns the names of images and snapshots.
func rows(t *testing.T, b *Backend, p *pooldef.Pool) []string {
	t.Helper()
	all, err := b.rows(t.Context(), p)
	ok(t, err)
	var names []string
	for _, r := range all {
		names = append(names, strings.TrimSuffix(r.Image+"@"+r.Snapshot, "@"))
	}
	return names
}

// TestCopyOnWrite makes clones. A snapshot that equals its image serves several clones, and is removed with
// the last of them.
func TestCopyOnWrite(t *testing.T) {
	b, p, data := newPoolWithImage(t, "base")
	ok(t, clone(t, b, p, "base", "one", mib))
	ok(t, clone(t, b, p, "base", "two", 3*mib))
	if all := rows(t, b, p); len(all) != 4 {
		t.Errorf("want one snapshot for two clones, got %q", all)
	}
	v, err := b.Volume(t.Context(), p, "two")
	ok(t, err)
	if v.Capacity.Bytes != 3*mib || v.Backing == nil ||
		!strings.HasPrefix(v.Backing.Path, path(p, "base")+"@poolctl-") {
		t.Errorf("clone %+v of %+v", v, v.Backing)
	}
	if chain, err := b.Chain(t.Context(), p, "two"); err != nil || len(chain) != 1 ||
		chain[0].Target.Path != v.Backing.Path {
		t.Errorf("chain %+v, error %v", chain, err)
	}
	other := fill(t, b, p, "base", 2)
	holds(t, b, p, "one", data)
	ok(t, clone(t, b, p, "base", "three", mib)) // of its new content
	holds(t, b, p, "three", other)
	if all := rows(t, b, p); len(all) != 6 {
		t.Errorf("got %q", all)
	}
	for _, remove := range []func() error{
		func() error { return b.Delete(t.Context(), p, "base") },
		func() error { return b.DeleteWithSnapshots(t.Context(), p, "base") },
	} {
		if err := remove(); err == nil ||
			!strings.Contains(err.Error(), key(p, "one")+", "+key(p, "three")+", "+key(p, "two")) {
			t.Errorf("deleting an image with clones: error %v", err)
		}
	}
	for _, name := range []string{"one", "three", "two", "base"} {
		ok(t, b.Delete(t.Context(), p, name))
	}
	if all := rows(t, b, p); len(all) != 0 {
		t.Errorf("left over: %q", all)
	}
}

// TestClonesTogether creates and deletes clones of one image in parallel, while their shared snapshot is
// created and removed.
func TestClonesTogether(t *testing.T) {
	b, p, data := newPoolWithImage(t, "base")
	var all sync.WaitGroup
	for n := range 6 {
		all.Go(func() {
			name := fmt.Sprintf("clone%d", n%3)
			err := clone(t, b, p, "base", name, mib)
			if err != nil && !errors.Is(err, fs.ErrExist) {
				t.Errorf("clone: %v", err)
			}
			if err == nil && n < 3 {
				if err := b.Delete(t.Context(), p, name); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	all.Wait()
	for v, err := range b.Volumes(t.Context(), p) {
		ok(t, err)
		holds(t, b, p, v.Name, data)
		if v.Name != "base" {
			ok(t, b.Delete(t.Context(), p, v.Name))
		}
	}
	_, err := b.RemoveStale(t.Context(), p)
	ok(t, err)
	if all := rows(t, b, p); len(all) != 1 {
		t.Errorf("left over: %q", all)
	}
}

// TestSnapshots deletes images with snapshots of other programs, among them libvirt.
func TestSnapshots(t *testing.T) {
	b, p, data := newPoolWithImage(t, "base")
	spec := "--image=base"
	ceph(
		t, "rbd", "snap", "create", "--no-progress", "--pool=rbdpool",
		"--namespace="+strings.TrimPrefix(p.Source.Name, "rbdpool/"), spec, "--snap=libvirt-4711",
	)
	ceph(
		t, "rbd", "snap", "protect", "--pool=rbdpool", "--namespace="+strings.TrimPrefix(p.Source.Name, "rbdpool/"),
		spec, "--snap=libvirt-4711",
	)
	ok(t, clone(t, b, p, "base", "clone", mib))
	if all := rows(t, b, p); len(all) != 3 {
		t.Errorf("want no other snapshot, got %q", all)
	}
	holds(t, b, p, "clone", data)
	ok(t, b.Delete(t.Context(), p, "clone"))
	state := (*backend.StateError)(nil)
	if err := b.Delete(t.Context(), p, "base"); !errors.As(err, &state) ||
		!strings.Contains(state.Text, "libvirt-4711") || state.Hint == "" {
		t.Errorf("error %v", err)
	}
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "base"))
	if all := rows(t, b, p); len(all) != 0 {
		t.Errorf("left over: %q", all)
	}
}

// TestSweepBase removes a snapshot of an unfinished clone, and keeps one that others use.
func TestSweepBase(t *testing.T) {
	b, p, _ := newPoolWithImage(t, "base")
	left, others := basePrefix+host.Machine()+"-1-0-1", "poolctl-000000000000-1-0-1"
	at, err := placeOf(p)
	ok(t, err)
	for _, name := range []string{left, others} {
		ok(t, b.change(t.Context(), p, "snap create", at, "base", "--snap="+name, quiet))
		ok(t, b.change(t.Context(), p, "snap protect", at, "base", "--snap="+name))
	}
	removed, err := b.RemoveStale(t.Context(), p)
	if all := rows(t, b, p); err != nil || len(removed) != 1 || strings.Join(all, " ") != "base base@"+others {
		t.Errorf("removed %q, error %v, there are %q", removed, err, all)
	}
}

// TestDeleteUnusedBase deletes an image with a snapshot whose last clone another machine flattened, and was
// killed before it had removed the snapshot.
func TestDeleteUnusedBase(t *testing.T) {
	b, p, _ := newPoolWithImage(t, "base")
	at, err := placeOf(p)
	ok(t, err)
	const left = "poolctl-000000000000-1-0-1"
	ok(t, b.change(t.Context(), p, "snap create", at, "base", "--snap="+left, quiet))
	ok(t, b.change(t.Context(), p, "snap protect", at, "base", "--snap="+left))
	ok(t, b.CreateSnapshot(t.Context(), p, "base", "monday", backend.SnapshotOptions{}))
	state := (*backend.StateError)(nil)
	if err := b.Delete(t.Context(), p, "base"); !errors.As(err, &state) ||
		state.Text != "it has snapshots: monday" {
		t.Errorf("error %v", err)
	}
	ok(t, b.DeleteSnapshot(t.Context(), p, "base", "monday"))
	ok(t, b.Delete(t.Context(), p, "base"))
	if all := rows(t, b, p); len(all) != 0 {
		t.Errorf("left over: %q", all)
	}
}

// TestOverlay creates a volume with a backing image, which becomes a clone.
func TestOverlay(t *testing.T) {
	b, p, data := newPoolWithImage(t, "base")
	d := &pooldef.Volume{Name: "v", Backing: &pooldef.VolumeTarget{Path: path(p, "base")}}
	ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{}))
	holds(t, b, p, "v", data)
	d.Name, d.Backing.Path = "w", "rbd:elsewhere/base"
	if err := b.Create(t.Context(), p, d, backend.CreateOptions{}); !errors.As(err, new(pooldef.Problems)) {
		t.Errorf("a clone of another pool's image: error %v", err)
	}
}

// TestFill creates images from files, raw and in other formats, also encrypted, and from an image in another
// pool of the same cluster.
func TestFill(t *testing.T) {
	b, p, data := newPoolWithImage(t, "base")
	f := file(t, data)
	source := &pooldef.Volume{
		Type:     "file",
		Name:     "f",
		Capacity: pooldef.Bytes(mib),
		Target:   pooldef.VolumeTarget{Path: f.Name(), Format: "raw"},
	}
	ok(t, b.Clone(t.Context(), p, volume("copy", 2*mib), source, backend.CloneOptions{}))
	holds(t, b, p, "copy", append(data, make([]byte, mib)...))
	image := backendtest.Convert(t, "raw", "qcow2", data)
	f = file(t, image)
	source.Target, source.Physical = pooldef.VolumeTarget{
		Path: f.Name(), Format: "qcow2",
	}, pooldef.Bytes(uint64(len(image)))
	ok(t, b.Clone(t.Context(), p, volume("image", 2*mib), source, backend.CloneOptions{}))
	holds(t, b, p, "image", append(data, make([]byte, mib)...))
	ok(t, b.Delete(t.Context(), p, "image"))
	source.Target.Path = t.TempDir() + "/luks"
	backendtest.Encrypt(t, source.Target.Path, "qcow2", "passphrase", data)
	source.Target.Encryption = backendtest.LUKS("luks")
	encrypted := New(&host.Local{}, keys{backendtest.Secrets{"luks": "passphrase"}}, limit)
	source.Physical = pooldef.Size{}
	ok(t, encrypted.Clone(t.Context(), p, volume("image", mib), source, backend.CloneOptions{}))
	holds(t, b, p, "image", data)
	ok(t, b.Delete(t.Context(), p, "image"))
	other := newPool(t)
	v, err := b.Volume(t.Context(), p, "base")
	ok(t, err)
	ok(t, b.Clone(t.Context(), other, volume("full", mib), v, backend.CloneOptions{From: p, Full: true}))
	holds(t, b, other, "full", data)
	state := (*backend.StateError)(nil)
	if err := b.Clone(
		t.Context(), other, volume("clone", mib), v, backend.CloneOptions{From: p},
	); !errors.As(err, &state) || !strings.HasPrefix(state.Hint, "--full") {
		t.Errorf("a clone in another namespace: error %v", err)
	}
	if all := rows(t, b, p); strings.Join(all, " ") != "base copy" {
		t.Errorf("left over: %q", all)
	}
	elsewhere := *p
	elsewhere.Source.Hosts = []pooldef.Host{{Name: "127.0.0.1", Port: 1}}
	if err := b.Clone(
		t.Context(), other, volume("x", mib), v, backend.CloneOptions{From: &elsewhere},
	); !errors.As(err, new(*backend.UnreachableError)) {
		t.Errorf("an image of another cluster: error %v", err)
	}
}

// TestObjects creates images with another object size.
func TestObjects(t *testing.T) {
	b, p, _ := newPoolWithImage(t, "base")
	d := volume("v", mib)
	d.Target.ClusterSize = 1 << 16
	ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{Preallocation: "full"}))
	if v, err := b.Volume(t.Context(), p, "v"); err != nil || v.Target.ClusterSize != 1<<16 {
		t.Errorf("created %+v, error %v", v, err)
	}
	p.Refresh = "default"
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		alone, err := b.Volume(t.Context(), p, v.Name)
		if ok(t, err); v.Allocation != alone.Allocation || (v.Name == "v") != (v.Allocation.Bytes == mib) &&
			v.Name != "base" {
			t.Errorf("%+v; by itself %+v", v, alone)
		}
	}
	p.Config = []pooldef.Option{
		{Name: "rbd_default_features", Value: "1"}, {Name: "rbd-default-order", Value: "20"},
	}
	ok(t, b.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}))
	if i, err := b.info(t.Context(), p, "w"); err != nil || i.ObjectSize != mib || len(i.Features) != 1 {
		t.Errorf("created %+v, error %v", i, err)
	}
	for _, size := range []uint64{1000, 1 << 11, 1 << 26} {
		d.Name, d.Target.ClusterSize = "x", size
		if err := b.Create(t.Context(), p, d, backend.CreateOptions{}); !errors.As(err, new(pooldef.Problems)) {
			t.Errorf("objects of %d bytes: error %v", size, err)
		}
	}
}
