package gluster

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// A directory is a machine whose Gluster client shows a local directory.
type directory struct {
	*host.Local
	root string
}

// MountPrivate implements host.Host.
func (d directory) MountPrivate(_ context.Context, c host.Client) (*host.PrivateMount, error) {
	return &host.PrivateMount{Root: d.root, Shown: c.Shown}, nil
}

// golden starts a golden in a new directory /golden of the Gluster volume gv0. With -short there is no
// cluster, and a local directory replaces the client's files; everything else is the same.
func golden(t *testing.T) (*backendtest.Golden, *pooldef.Pool) {
	t.Helper()
	if testing.Short() {
		t.Log("REPLACED: a Gluster volume by a local directory: a cluster needs go test without -short")
		d := directory{&host.Local{}, t.TempDir()}
		ok(t, os.Mkdir(d.root+"/golden", 0o700))
		g := backendtest.NewGoldenOn(t, "volumes", d)
		g.Snapshot = func() string { return backendtest.Tree(t, d.root+"/golden") }
		return g, poolAt("gv0", "/golden")
	}
	p := poolOf(t, "gv0")
	top := mounted(t, "gv0")
	ok(t, os.Rename(top+p.Source.Dir, top+"/golden"))
	t.Cleanup(func() { os.RemoveAll(top + "/golden") })
	p.Source.Dir = "/golden"
	g := backendtest.NewGolden(t, "volumes")
	g.Snapshot = func() string { return backendtest.Tree(t, bricks(t)+"/gv0-1/golden") }
	return g, p
}

// TestGolden records the operations, with the client's paths.
func TestGolden(t *testing.T) {
	g, p := golden(t)
	data := filepath.Join(t.TempDir(), "data")
	ok(t, os.WriteFile(data, []byte("data"), 0o600))
	does := func(title string, do func(ctx context.Context, b *Backend) error) {
		t.Helper()
		g.Do(title, func(h host.Host) error { return do(t.Context(), newBackend(h)) })
	}
	define := func(name, format, backing string) *pooldef.Volume {
		v := volume(name, 1<<20)
		v.Target.Format = format
		if backing != "" {
			v.Backing = &pooldef.VolumeTarget{Path: backing, Format: "qcow2"}
		}
		return v
	}
	create := func(v *pooldef.Volume) func(context.Context, *Backend) error {
		return func(ctx context.Context, b *Backend) error {
			return b.Create(ctx, p, v, backend.CreateOptions{})
		}
	}
	does("raw", create(define("a b", "raw", "")))
	does("qcow2", create(define("base.qcow2", "qcow2", "")))
	does("on another, which is named by its URI",
		create(define("over.qcow2", "qcow2", "gluster://"+server+"/gv0/golden/base.qcow2")))
	does("on one that is elsewhere", create(define("other.qcow2", "qcow2",
		"gluster://elsewhere/gv0/base.qcow2")))
	does("a directory", create(define("dir", "dir", "")))
	does("a name that is taken", create(define("dir", "raw", "")))
	does("the client's own directory, in another one", create(define(meta, "raw", "")))
	does("a clone", func(ctx context.Context, b *Backend) error {
		source, err := b.Export(ctx, p, "over.qcow2")
		if err != nil {
			return err
		}
		return b.Clone(ctx, p, define("clone", "raw", ""), source,
			backend.CloneOptions{MayRead: func(string, *safeopen.Handle) error { return nil }})
	})
	does("resize", func(ctx context.Context, b *Backend) error {
		return b.Resize(ctx, p, "a b", 2<<20, backend.ResizeOptions{})
	})
	does("upload", func(ctx context.Context, b *Backend) error {
		f, err := os.Open(data)
		ok(t, err)
		defer f.Close()
		return b.Upload(ctx, p, "a b", f, backend.Transfer{File: "data"})
	})
	does("wipe", func(ctx context.Context, b *Backend) error { return b.Wipe(ctx, p, "a b", "zero", nil) })
	does("rename", func(ctx context.Context, b *Backend) error { return b.Rename(ctx, p, "a b", "c") })
	for _, name := range []string{"c", "dir", "none"} {
		does("delete "+name, func(ctx context.Context, b *Backend) error { return b.Delete(ctx, p, name) })
	}
	g.End()
}
