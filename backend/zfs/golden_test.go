package zfs

import (
	"os"
	"regexp"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// stages are names that are different each time.
var stages = regexp.MustCompile(`\.poolctl-\d+-\d+-\d+`)

// TestGolden writes down all that is done to the machine.
func TestGolden(t *testing.T) {
	p := newPool(t, 2)
	g := backendtest.NewGolden(t, "operations")
	g.Clean = func(text string) string { return stages.ReplaceAllString(text, ".poolctl-N") }
	g.Snapshot = func() string { return snapshot(t) }
	does := func(title string, op func(b *Backend) error) {
		t.Helper()
		g.Does(title, func(h host.Host) error { return op(New(h, nil, far)) })
	}
	source := volumeSource(t, mib)
	cow := volume("cow", 2*mib)
	cow.Backing = &pooldef.VolumeTarget{Path: "/dev/zvol/tank/thick"}
	sparse := volume("sparse", 64*mib)
	sparse.Allocation, sparse.Target.ClusterSize = pooldef.Bytes(4096), 16384
	create := func(d *pooldef.Volume) func(b *Backend) error {
		return func(b *Backend) error { return b.Create(t.Context(), p, d, backend.CreateOptions{}) }
	}
	does("start what is not there", func(b *Backend) error { return b.Start(t.Context(), p) })
	does("build", func(b *Backend) error { return b.Build(t.Context(), p, backend.BuildOptions{}) })
	run(t, "zpool", "export", "tank")
	does("build over it", func(b *Backend) error { return b.Build(t.Context(), p, backend.BuildOptions{}) })
	does("start", func(b *Backend) error { return b.Start(t.Context(), p) })
	p.Started = true
	does("create", create(volume("thick", mib)))
	does("create sparse", create(sparse))
	does("create with shared blocks", create(cow))
	does("create what is too large", create(volume("large", 1<<40)))
	does("list", func(b *Backend) error {
		for _, err := range b.Details(t.Context(), p) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	does("clone", func(b *Backend) error {
		return b.Clone(t.Context(), p, volume("clone", mib), source, backend.CloneOptions{})
	})
	does("clone by sharing blocks", func(b *Backend) error {
		v, err := b.Volume(t.Context(), p, "thick")
		if err != nil {
			return err
		}
		return b.Clone(t.Context(), p, volume("shared", mib), v, backend.CloneOptions{Reflink: true})
	})
	does("delete what is shared", func(b *Backend) error { return b.DeleteWithSnapshots(t.Context(), p, "thick") })
	does("rename", func(b *Backend) error { return b.Rename(t.Context(), p, "clone", "copy") })
	does("grow", func(b *Backend) error { return b.Resize(t.Context(), p, "copy", 2*mib+1, backend.ResizeOptions{}) })
	does("shrink", func(b *Backend) error {
		return b.Resize(t.Context(), p, "copy", mib, backend.ResizeOptions{Shrink: true})
	})
	does("grow a sparse one, with room", func(b *Backend) error {
		return b.Resize(t.Context(), p, "sparse", 65*mib, backend.ResizeOptions{Allocate: true})
	})
	does("wipe", func(b *Backend) error { return b.Wipe(t.Context(), p, "copy", "zero", nil) })
	does("stop", func(b *Backend) error { return b.Stop(t.Context(), p) })
	does("start again", func(b *Backend) error { return b.Start(t.Context(), p) })
	for _, name := range []string{"shared", "cow", "thick", "copy", "sparse"} {
		does("delete "+name, func(b *Backend) error { return b.Delete(t.Context(), p, name) })
	}
	sub := &pooldef.Pool{Type: pooldef.ZFS, Name: "sub", Source: pooldef.Source{Name: "tank/sub"}}
	does("build a dataset", func(b *Backend) error { return b.Build(t.Context(), sub, backend.BuildOptions{}) })
	does("start it", func(b *Backend) error { return b.Start(t.Context(), sub) })
	sub.Started = true
	does("remove what it is in", func(b *Backend) error { return b.Remove(t.Context(), p) })
	does("stop it", func(b *Backend) error { return b.Stop(t.Context(), sub) })
	does("remove it", func(b *Backend) error { return b.Remove(t.Context(), sub) })
	does("stop for good", func(b *Backend) error { return b.Stop(t.Context(), p) })
	does("remove", func(b *Backend) error { return b.Remove(t.Context(), p) })
	g.End()
}

// volumeSource returns a volume of a directory that is full of data.
func volumeSource(t *testing.T, size uint64) *pooldef.Volume {
	t.Helper()
	const path = "/run/source.raw"
	ok(t, os.WriteFile(path, backendtest.Pattern(size, 1), 0o600)) //nolint:forbidigo // the test's own
	return &pooldef.Volume{Type: "file", Name: "source.raw", Key: path, Capacity: pooldef.Bytes(size), Target: pooldef.VolumeTarget{Path: path, Format: "raw"}}
}
