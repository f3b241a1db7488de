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

// different lists what differs between runs: temporary names, ZFS's identifiers, used and available space
// after the first changes (the golden has the available space once, before them), the order of clones, and
// the lab's directory and memory.
var different = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\.poolctl-\d+-\d+-\d+`), ".poolctl-N"},
	{regexp.MustCompile(`(\t(?:filesystem|volume|snapshot)\t)\d+((?:\t[^\t\n]*){3})\t\d+\t[-\d]+`),
		"${1}1${2}\t1\t365708800"},
	{regexp.MustCompile(`tank/shared\ntank/cow$`), "tank/cow\ntank/shared"},
	// wipefs: a zpool has a signature for each of its last changes.
	{regexp.MustCompile(`("offset": "0x|"uuid": ")[0-9a-f]+`), "${1}1"},
	{regexp.MustCompile(`,\{[^{}]*"type": "zfs_member"[^{}]*\}`), ""},
	{regexp.MustCompile(`(/tmp/poolctl-lab)\.\w+`), "$1"},
	{regexp.MustCompile(`(size=)\d+k`), "${1}1k"},
	{regexp.MustCompile(`has \d+ bytes available`), "has 365708800 bytes available"}, // less if it has written more
}

// TestGolden records every change of the machine.
func TestGolden(t *testing.T) {
	g := backendtest.NewReplayed(t, "operations", os.Getenv("POOLCTL_LAB") != "")
	p := definition(2)
	if g.Live() {
		p = newPool(t, 2)
		g.Snapshot = func() string { return snapshot(t) }
	}
	g.Clean = func(text string) string {
		for _, d := range different {
			text = d.what.ReplaceAllString(text, d.with)
		}
		return text
	}
	answered(t, g)
	does := func(title string, op func(b *Backend) error) {
		t.Helper()
		g.Do(title, func(h host.Host) error { return op(New(h, nil, far)) })
	}
	source := sourceOf(mib)
	if g.Live() {
		source = volumeSource(t, mib)
	}
	cow := volume("cow", 2*mib)
	cow.Backing = &pooldef.VolumeTarget{Path: "/dev/zvol/tank/thick"}
	sparse := volume("sparse", 64*mib)
	sparse.Allocation, sparse.Target.ClusterSize = pooldef.Bytes(4096), 16384
	create := func(d *pooldef.Volume) func(b *Backend) error {
		return func(b *Backend) error { return b.Create(t.Context(), p, d, backend.CreateOptions{}) }
	}
	does("start what is not there", func(b *Backend) error { return b.Start(t.Context(), p) })
	does("build", func(b *Backend) error { return b.Build(t.Context(), p, backend.BuildOptions{}) })
	if g.Live() {
		run(t, "zpool", "export", "tank")
	}
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
	does(
		"delete what is shared", func(b *Backend) error { return b.DeleteWithSnapshots(t.Context(), p, "thick") },
	)
	does("rename", func(b *Backend) error { return b.Rename(t.Context(), p, "clone", "copy") })
	does(
		"grow",
		func(b *Backend) error { return b.Resize(t.Context(), p, "copy", 2*mib+1, backend.ResizeOptions{}) },
	)
	does("shrink", func(b *Backend) error {
		return b.Resize(t.Context(), p, "copy", mib, backend.ResizeOptions{Shrink: true})
	})
	does("grow a sparse one, with room", func(b *Backend) error {
		return b.Resize(t.Context(), p, "sparse", 65*mib, backend.ResizeOptions{Allocate: true})
	})
	does("wipe", func(b *Backend) error { return b.Wipe(t.Context(), p, "copy", "zero", nil) })
	recordSnapshots(t, p, does)
	does("stop", func(b *Backend) error { return b.Stop(t.Context(), p) })
	does("start again", func(b *Backend) error { return b.Start(t.Context(), p) })
	for _, name := range []string{"shared", "cow", "thick", "copy", "sparse", "filled"} {
		does("delete "+name, func(b *Backend) error { return b.Delete(t.Context(), p, name) })
	}
	sub := &pooldef.Pool{Type: pooldef.ZFS, Name: "sub", Source: pooldef.Source{Name: "tank/sub"}}
	does("build a dataset", func(b *Backend) error { return b.Build(t.Context(), sub, backend.BuildOptions{}) })
	does("start it", func(b *Backend) error { return b.Start(t.Context(), sub) })
	sub.Started = true
	does("remove what it is in", func(b *Backend) error { return b.DeletePool(t.Context(), p) })
	does("stop it", func(b *Backend) error { return b.Stop(t.Context(), sub) })
	does("remove it", func(b *Backend) error { return b.DeletePool(t.Context(), sub) })
	does("stop for good", func(b *Backend) error { return b.Stop(t.Context(), p) })
	does("remove", func(b *Backend) error { return b.DeletePool(t.Context(), p) })
	g.End()
}

// recordSnapshots records the operations on snapshots, of the volume copy.
func recordSnapshots(t *testing.T, p *pooldef.Pool, does func(title string, op func(b *Backend) error)) {
	t.Helper()
	ctx, source := t.Context(), &pooldef.Volume{Name: "copy"}
	create := func(name string) func(b *Backend) error {
		return func(b *Backend) error { return b.CreateSnapshot(ctx, p, "copy", name, backend.SnapshotOptions{}) }
	}
	clone := func(name string, o backend.CloneOptions) func(b *Backend) error {
		return func(b *Backend) error { return b.CloneSnapshot(ctx, p, volume(name, mib), source, "one", o) }
	}
	revert := func(o backend.RevertOptions) func(b *Backend) error {
		return func(b *Backend) error { return b.RevertToSnapshot(ctx, p, "copy", "one", o) }
	}
	remove := func(b *Backend) error { return b.DeleteSnapshot(ctx, p, "copy", "one") }
	does("snapshot", create("one"))
	does("another snapshot", create("two"))
	does("the same snapshot", create("two"))
	does("list snapshots", func(b *Backend) error {
		_, err := b.Snapshots(ctx, p, "")
		return err
	})
	does("clone a snapshot", clone("child", backend.CloneOptions{}))
	does("copy a snapshot", clone("filled", backend.CloneOptions{Full: true}))
	does("wipe what has snapshots", func(b *Backend) error { return b.Wipe(ctx, p, "copy", "zero", nil) })
	does("revert to what is not the last", revert(backend.RevertOptions{}))
	does("revert and destroy later ones", revert(backend.RevertOptions{DestroyLater: true}))
	does("delete a snapshot with a clone", remove)
	does("delete the clone", func(b *Backend) error { return b.Delete(ctx, p, "child") })
	does("delete the volume", func(b *Backend) error { return b.Delete(ctx, p, "copy") })
	does("delete the snapshot", remove)
}

// answered replaces the kernel queries that do not go through a Host by recorded answers.
func answered(t *testing.T, g *backendtest.Golden) {
	t.Helper()
	t.Cleanup(func() {
		checkUnwritten = (*host.Source).CheckUnwritten
	})
	checkUnwritten = func(s *host.Source) error {
		_, err := backendtest.Recorded(
			g, "unwritten "+s.Path, func() (struct{}, error) { return struct{}{}, s.CheckUnwritten() },
		)
		return err
	}
}

// volumeSource returns a volume of a dir pool, filled with data.
func volumeSource(t *testing.T, size uint64) *pooldef.Volume {
	t.Helper()
	v := sourceOf(size)
	ok(t, os.WriteFile(v.Key, backendtest.Pattern(size, 1), 0o600))
	return v
}

func sourceOf(size uint64) *pooldef.Volume {
	const path = "/run/source.raw"
	return &pooldef.Volume{
		Type:     "file",
		Name:     "source.raw",
		Key:      path,
		Capacity: pooldef.Bytes(size),
		Target:   pooldef.VolumeTarget{Path: path, Format: "raw"},
	}
}
