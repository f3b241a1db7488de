package logical

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// stages are the names that differ from one time to the next, checks what a dry run cannot print: it would look at the new device.
var (
	stages = regexp.MustCompile(`\.poolctl-\d+-\d+-\d+`)
	checks = regexp.MustCompile(`\[ \d+ -le \d+ \] && `)
)

// A session records what operations do to the machine, as --debug prints it.
type session struct {
	*testing.T
	pool   *pooldef.Pool
	record bytes.Buffer
}

type operation func(ctx context.Context, b *Backend, p *pooldef.Pool) error

// does lets an operation happen; before that in a dry run, which has to change nothing and to print the same changes.
func (s *session) does(title string, op operation) {
	s.Helper()
	before := snapshot(s)
	var dry, trace bytes.Buffer
	dryErr := op(s.Context(), New(host.NewDryRun(&host.Local{}, &dry), nil), s.pool)
	if after := snapshot(s); after != before {
		s.Errorf("%s: a dry run has changed\n%s to\n%s", title, before, after)
	}
	err := op(s.Context(), New(host.Trace{Host: &host.Local{}, W: &trace}, nil), s.pool)
	fmt.Fprintf(&s.record, "# %s\n%s", title, stages.ReplaceAllString(trace.String(), ".poolctl-PID-TIME-1"))
	if err != nil {
		fmt.Fprintf(&s.record, "error: %v\n", err)
	}
	s.record.WriteByte('\n')
	var changes []string
	for line := range strings.Lines(trace.String()) {
		if change, is := strings.CutPrefix(line, "+ "); is {
			changes = append(changes, change)
		}
	}
	want := stages.ReplaceAllString(checks.ReplaceAllString(strings.Join(changes, ""), ""), "")
	if got := stages.ReplaceAllString(dry.String(), ""); err == nil && (got != want || dryErr != nil) {
		s.Errorf("%s: a dry run prints\n%s, error %v; what happens is\n%s", title, got, dryErr, want)
	}
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

// TestGolden does everything once.
func TestGolden(t *testing.T) {
	s := &session{T: t, pool: newPool(t, 2)}
	build := func(overwrite bool) operation {
		return func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
			return b.Build(ctx, p, backend.BuildOptions{Overwrite: overwrite})
		}
	}
	on := func(f func(b *Backend, ctx context.Context, p *pooldef.Pool) error) operation {
		return func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return f(b, ctx, p) }
	}
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", devices[1]))
	s.does("build on a device that holds something", build(false))
	s.does("build, and overwrite that", build(true))
	s.does("start", on((*Backend).Start))
	s.pool.Started = true
	s.does("create a volume", creates("lin", 6*mib, func(*pooldef.Volume) {}))
	s.does("create somebody's", creates("owned", mib, func(v *pooldef.Volume) {
		mode, owner, group := uint32(0o660), uint32(64055), uint32(64056)
		v.Target.Permissions = pooldef.Permissions{Mode: &mode, Owner: &owner, Group: &group}
	}))
	s.does("create a sparse one", creates("sparse", 64*mib, func(v *pooldef.Volume) { v.Allocation = pooldef.Bytes(mib) }))
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
	s.does("create a snapshot", creates("snap", 8*mib, func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: "/dev/vg-0/lin"} }))
	s.does("delete what it is of", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, "lin") })
	s.does("rename", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Rename(ctx, p, "lin", "other") })
	s.does("wipe", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Wipe(ctx, p, "other", "zero", nil)
	})
	s.does("list names", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		for _, err := range b.Volumes(ctx, p) {
			return err
		}
		return nil
	})
	s.does("space", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { _, err := b.Space(ctx, p); return err })
	s.does("find sources", func(ctx context.Context, b *Backend, _ *pooldef.Pool) error {
		_, err := b.Discover(ctx, nil)
		return err
	})
	for _, name := range []string{"snap", "other", "owned", "sparse"} {
		s.does("delete "+name, func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, name) })
	}
	run(t, "lvcreate", "-qy", "-an", "-Zn", "-n", ".poolctl-1-0-1", "-L", "4M", "vg-0")
	s.does("sweep what a killed process has left", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { _, err := b.Sweep(ctx, p); return err })
	s.does("stop", on((*Backend).Stop))
	s.does("remove with a volume in it", on((*Backend).Remove))
	run(t, "lvremove", "-y", "vg-0/copy")
	s.does("remove", on((*Backend).Remove))
	equals(t, "operations.golden", s.record.String())
}
