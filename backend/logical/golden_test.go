package logical

import (
	"context"
	"os"
	"regexp"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// tempName matches temporary names that contain the PID and start time of a process other than PID 1.
var tempName = regexp.MustCompile(`\.poolctl-\d\d+-\d\d+-\d+`)

// identifiers matches the identifiers in the output of lvs and wipefs.
var identifiers = regexp.MustCompile(`("lv_uuid":"|"uuid": ")[^"]+`)

// A session is a golden with a pool.
type session struct {
	*backendtest.Golden
	pool *pooldef.Pool
}

type operation func(ctx context.Context, b *Backend, p *pooldef.Pool) error

// does runs an operation under a title.
func (s *session) does(title string, op operation) {
	s.Helper()
	s.Do(title, func(h host.Host) error { return op(s.Context(), New(h, nil), s.pool) })
}

func creates(name string, size uint64, change func(v *pooldef.Volume)) operation {
	v := volume(name, size)
	change(v)
	return func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Create(ctx, p, v, backend.CreateOptions{})
	}
}

func resizes(size uint64, shrink bool) operation {
	return func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Resize(ctx, p, "lin", size, backend.ResizeOptions{Shrink: shrink})
	}
}

// TestGolden runs every operation once.
func TestGolden(t *testing.T) {
	s := &session{
		Golden: backendtest.NewReplayed(t, "operations", os.Getenv("POOLCTL_LAB") != ""),
		pool:   poolOn(2),
	}
	s.Clean = cleaned
	outside := func(name string, args ...string) {
		if s.Live() {
			run(t, name, args...)
		}
	}
	if s.Live() {
		s.pool = newPool(t, 2)
		s.Snapshot = func() string { return snapshot(t) }
	}
	build := func(overwrite bool) operation {
		return func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
			return b.Build(ctx, p, backend.BuildOptions{Overwrite: overwrite})
		}
	}
	on := func(f func(b *Backend, ctx context.Context, p *pooldef.Pool) error) operation {
		return func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return f(b, ctx, p) }
	}
	outside("mkfs.ext4", "-q", devices[1])
	s.does("build on a device that holds something", build(false))
	s.does("build, and overwrite that", build(true))
	s.does("start", on((*Backend).Start))
	s.pool.Started = true
	s.does("create a volume", creates("lin", 6*mib, func(*pooldef.Volume) {}))
	s.does("create somebody's", creates("owned", mib, func(v *pooldef.Volume) {
		mode, owner, group := uint32(0o660), uint32(64055), uint32(64056)
		v.Target.Permissions = pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
	}))
	s.does(
		"create a sparse one",
		creates("sparse", 64*mib, func(v *pooldef.Volume) { v.Allocation = pooldef.Bytes(mib) }),
	)
	s.does("create a name that is taken", creates("lin", mib, func(*pooldef.Volume) {}))
	s.does("create a bad name", creates("a b", mib, func(*pooldef.Volume) {}))
	s.does("clone", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		v, err := b.Volume(ctx, p, "lin")
		if err != nil {
			return err
		}
		return b.Clone(ctx, p, volume("copy", 8*mib), v, backend.CloneOptions{})
	})
	s.does("grow", resizes(16*mib, false))
	s.does("shrink without a word", resizes(8*mib, false))
	s.does("shrink", resizes(8*mib, true))
	s.does(
		"create a snapshot",
		creates(
			"snap", 8*mib, func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: "/dev/vg-0/lin"} },
		),
	)
	s.does(
		"delete what it is of",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, "lin") },
	)
	s.does(
		"rename",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Rename(ctx, p, "lin", "other") },
	)
	s.does("create more than there is room for", creates("x", 1<<40, func(*pooldef.Volume) {}))
	s.does("wipe", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Wipe(ctx, p, "other", "zero", nil)
	})
	s.recordSnapshots()
	s.does("list names", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		for _, err := range b.Volumes(ctx, p) {
			return err
		}
		return nil
	})
	s.does(
		"space",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error { _, err := b.Space(ctx, p); return err },
	)
	s.does("find sources", func(ctx context.Context, b *Backend, _ *pooldef.Pool) error {
		_, err := b.Discover(ctx, nil)
		return err
	})
	s.does("delete other and snap", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.DeleteWithSnapshots(ctx, p, "other")
	})
	for _, name := range []string{"owned", "sparse"} {
		s.does(
			"delete "+name,
			func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, name) },
		)
	}
	outside("lvcreate", "-qy", "-an", "-Zn", "-n", ".poolctl-1-0-1", "-L", "4M", "vg-0")
	s.does(
		"sweep what a killed process has left",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
			_, err := b.RemoveStale(ctx, p)
			return err
		},
	)
	s.does("stop", on((*Backend).Stop))
	s.does("remove with a volume in it", on((*Backend).DeletePool))
	outside("lvremove", "-y", "vg-0/copy")
	s.does("remove", on((*Backend).DeletePool))
	s.End()
}

// cleaned replaces temporary names and identifiers.
func cleaned(text string) string {
	return identifiers.ReplaceAllString(tempName.ReplaceAllString(text, ".poolctl-PID-TIME-1"), "${1}1")
}

// TestGoldenThin runs the operations that differ with a thin pool.
func TestGoldenThin(t *testing.T) {
	s := &session{Golden: backendtest.NewReplayed(t, "thin", os.Getenv("POOLCTL_LAB") != ""), pool: poolOn(1)}
	s.Clean = cleaned
	if s.Live() {
		s.pool = newPool(t, 1)
		s.Snapshot = func() string { return snapshot(t) }
	}
	s.pool.ThinPool = "tp"
	s.does("build", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Build(ctx, p, backend.BuildOptions{})
	})
	s.does("start", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Start(ctx, p) })
	s.pool.Started = true
	s.does(
		"space",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error { _, err := b.Space(ctx, p); return err },
	)
	s.does("create a volume", creates("v", 1<<30, func(*pooldef.Volume) {}))
	s.does(
		"create a snapshot",
		creates("snap", 1<<30, func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: "v"} }),
	)
	s.does(
		"wipe",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Wipe(ctx, p, "v", "zero", nil) },
	)
	for _, name := range []string{"v", "snap"} {
		s.does(
			"delete "+name,
			func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, name) },
		)
	}
	s.does("stop", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Stop(ctx, p) })
	s.does(
		"remove", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.DeletePool(ctx, p) },
	)
	s.End()
}

// recordSnapshots records the operations on snapshots, of the volume copy.
func (s *session) recordSnapshots() {
	s.Helper()
	create := func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.CreateSnapshot(ctx, p, "copy", "kept", backend.SnapshotOptions{})
	}
	s.does("keep a state", create)
	s.does("keep it again", create)
	s.does("list snapshots", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		_, err := b.Snapshots(ctx, p, "")
		return err
	})
	s.does("clone a snapshot", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.CloneSnapshot(
			ctx, p, volume("again", 8*mib), &pooldef.Volume{Name: "copy"}, "kept", backend.CloneOptions{},
		)
	})
	s.does("wipe what has snapshots", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Wipe(ctx, p, "copy", "zero", nil)
	})
	s.does("revert", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.RevertToSnapshot(ctx, p, "copy", "kept", backend.RevertOptions{})
	})
	s.does("delete a snapshot", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.DeleteSnapshot(ctx, p, "copy", "kept")
	})
	s.does("delete the clone", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Delete(ctx, p, "again")
	})
}
