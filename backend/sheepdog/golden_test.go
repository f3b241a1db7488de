package sheepdog

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// tempName matches temporary names.
var tempName = regexp.MustCompile(`\.poolctl-[0-9a-f]{8}-\d+-\d+-\d+`)

func TestGolden(t *testing.T) {
	p, _ := newStandIn(t)
	g := backendtest.NewGolden(t, "sheepdog")
	g.Clean = func(text string) string { return tempName.ReplaceAllString(text, ".poolctl-STAGE") }
	g.Snapshot = func() string { return snapshot(t, p) }
	ctx := t.Context()
	does := func(title string, op func(b *Backend) error) {
		t.Helper()
		g.Do(title, func(h host.Host) error { return op(New(h, time.Minute)) })
	}
	source := func(b *Backend) *pooldef.Volume {
		v, err := b.Volume(ctx, p, "v 1")
		ok(t, err)
		return v
	}
	file := t.TempDir() + "/data"
	ok(t, os.WriteFile(file, []byte("some data"), 0o600))
	does("active", func(b *Backend) error { _, err := b.Active(ctx, p); return err })
	does("list: an empty answer proves nothing", func(b *Backend) error { _, err := b.all(ctx, p); return err })
	does("create", func(b *Backend) error {
		return b.Create(
			ctx, p, &pooldef.Volume{Name: "v 1", Capacity: pooldef.Bytes(1 << 20)}, backend.CreateOptions{},
		)
	})
	does("create what is there", func(b *Backend) error {
		return b.Create(
			ctx, p, &pooldef.Volume{Name: "v 1", Capacity: pooldef.Bytes(1 << 20)}, backend.CreateOptions{},
		)
	})
	does("create, with all of its room", func(b *Backend) error {
		return b.Create(
			ctx, p,
			&pooldef.Volume{Name: "full", Capacity: pooldef.Bytes(1 << 20), Allocation: pooldef.Bytes(1 << 20)},
			backend.CreateOptions{},
		)
	})
	does("list", func(b *Backend) error { _, err := b.all(ctx, p); return err })
	does("resize", func(b *Backend) error { return b.Resize(ctx, p, "v 1", 2<<20, backend.ResizeOptions{}) })
	does(
		"resize to less",
		func(b *Backend) error { return b.Resize(ctx, p, "v 1", 1<<20, backend.ResizeOptions{Shrink: true}) },
	)
	does("upload", func(b *Backend) error {
		f, err := os.Open(file)
		ok(t, err)
		defer f.Close()
		return b.Upload(ctx, p, "v 1", f, backend.Transfer{File: "data", Offset: 512})
	})
	does("download", func(b *Backend) error {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		ok(t, err)
		defer f.Close()
		return b.Download(ctx, p, "v 1", f, backend.Transfer{File: "data", Offset: 512, Length: 9})
	})
	does("clone", func(b *Backend) error {
		return b.Clone(ctx, p, &pooldef.Volume{Name: "clone"}, source(b), backend.CloneOptions{From: p})
	})
	does("clone, larger", func(b *Backend) error {
		return b.Clone(
			ctx, p, &pooldef.Volume{Name: "larger", Capacity: pooldef.Bytes(4 << 20)}, source(b),
			backend.CloneOptions{From: p},
		)
	})
	does("delete", func(b *Backend) error { return b.Delete(ctx, p, "clone") })
	does("snapshot", func(b *Backend) error {
		return b.CreateSnapshot(ctx, p, "v 1", "before", backend.SnapshotOptions{})
	})
	does("delete, with its snapshots", func(b *Backend) error { return b.DeleteWithSnapshots(ctx, p, "v 1") })
	does("delete what is not there", func(b *Backend) error { return b.Delete(ctx, p, "v 1") })
	g.End()
}

// A counter counts queries.
type counter struct {
	host.Host
	asked int
}

func (c *counter) Query(ctx context.Context, q host.Command) ([]byte, error) {
	c.asked++
	return c.Host.Query(ctx, q)
}

// TestQuestions lists a pool of many volumes with one query.
func TestQuestions(t *testing.T) {
	p, _ := newPool(t)
	c := &counter{Host: &host.Local{}}
	b := New(c, time.Minute)
	for _, name := range []string{"a", "b", "c", "d"} {
		ok(
			t,
			b.Create(t.Context(), p, &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(1)}, backend.CreateOptions{}),
		)
	}
	c.asked = 0
	n := 0
	for _, err := range b.Details(t.Context(), p) {
		ok(t, err)
		n++
	}
	if n != 4 || c.asked != 1 {
		t.Errorf("%d volumes were listed by %d queries", n, c.asked)
	}
}

// TestPieces uploads from a pipe more data than one command writes, with zeros that occupy no space.
func TestPieces(t *testing.T) {
	p, _ := newPool(t)
	b := New(&host.Local{}, time.Minute)
	const size = 70 << 20
	data := make([]byte, size)
	copy(data[1<<20:], backendtest.Pattern(3<<20, 1))
	copy(data[64<<20-5:], backendtest.Pattern(3<<20, 2))
	copy(data[size-7:], "the end")
	ok(
		t,
		b.Create(
			t.Context(), p, &pooldef.Volume{Name: "v", Capacity: pooldef.Bytes(size)}, backend.CreateOptions{},
		),
	)
	out, in, err := os.Pipe()
	ok(t, err)
	go func() {
		_, _ = in.Write(data)
		in.Close()
	}()
	ok(t, b.Upload(t.Context(), p, "v", out, backend.Transfer{Sparse: true}))
	f, err := os.CreateTemp(t.TempDir(), "")
	ok(t, err)
	defer f.Close()
	ok(t, b.Download(t.Context(), p, "v", f, backend.Transfer{Sparse: true}))
	got, err := os.ReadFile(f.Name())
	ok(t, err)
	v, err := b.Volume(t.Context(), p, "v")
	ok(t, err)
	if !bytes.Equal(got, data) || v.Allocation.Bytes > 16<<20 {
		t.Errorf("same data: %v, allocation %d bytes", bytes.Equal(got, data), v.Allocation.Bytes)
	}
}
