package disk

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
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
	disk := s.pool.Source.Devices[0].Path
	before := snapshot(s, disk)
	var dry, trace bytes.Buffer
	dryErr := op(s.Context(), New(host.NewDryRun(&host.Local{}, &dry), nil), s.pool)
	if after := snapshot(s, disk); after != before {
		s.Errorf("%s: a dry run has changed\n%s to\n%s", title, before, after)
	}
	err := op(s.Context(), New(host.Trace{Host: &host.Local{}, W: &trace}, nil), s.pool)
	fmt.Fprintf(&s.record, "# %s\n", title)
	var changes string
	for line := range strings.Lines(trace.String()) {
		if strings.Contains(line, "udevadm") { // only where it runs
			continue
		}
		s.record.WriteString(strings.ReplaceAll(line, disk, "/dev/loop0"))
		if change, is := strings.CutPrefix(line, "+ "); is {
			changes += change
		}
	}
	if err != nil {
		fmt.Fprintf(&s.record, "error: %s\n", strings.ReplaceAll(err.Error(), filepath.Base(disk), "loop0"))
	}
	s.record.WriteByte('\n')
	if got := shapeless(dry.String()); err == nil && (got != shapeless(changes) || dryErr != nil) {
		s.Errorf("%s: a dry run prints\n%s, error %v; what happens is\n%s", title, got, dryErr, changes)
	}
}

// shapeless leaves out of commands what depends on how large a device is that a dry run has not made.
func shapeless(commands string) string {
	var kept []string
	for line := range strings.Lines(commands) {
		if strings.Contains(line, "blkdiscard") {
			line = "blkdiscard\n"
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}

// TestGolden does everything once.
func TestGolden(t *testing.T) {
	for _, format := range []string{"gpt", "dos"} {
		t.Run(format, func(t *testing.T) {
			s := &session{T: t, pool: newPool(t, format)}
			s.everything(filepath.Base(s.pool.Source.Devices[0].Path) + "p")
			equals(t, "operations-"+format+".golden", s.record.String())
		})
	}
}

func (s *session) everything(name string) {
	s.Helper()
	build := func(overwrite bool) operation {
		return func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
			return b.Build(ctx, p, backend.BuildOptions{Overwrite: overwrite})
		}
	}
	creates := func(number, format string, size uint64) operation {
		return func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
			v := volume(name+number, size)
			v.Target.Format = format
			return b.Create(ctx, p, v, backend.CreateOptions{})
		}
	}
	resizes := func(number string, size uint64, shrink bool) operation {
		return func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
			return b.Resize(ctx, p, name+number, size, backend.ResizeOptions{Shrink: shrink})
		}
	}
	s.does("build", build(false))
	s.does("build again", build(false))
	s.does("build, and overwrite that", build(true))
	s.does("create a partition", creates("1", "none", 4*mib))
	s.does("create one for LVM", creates("2", "linux-lvm", mib))
	s.does("create an extended one", creates("3", "extended", 16*mib))
	s.does("create a logical one", creates("5", "linux-swap", mib))
	s.does("create a name that is taken", creates("1", "none", mib))
	s.does("create a wrong name", creates("x", "none", mib))
	s.does("create more than there is", creates("3", "none", 1<<40))
	s.does("delete", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, name+"2") })
	s.does("grow", resizes("1", 6*mib, false))
	s.does("shrink", resizes("1", 2*mib, true))
	s.does("clone", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		v, err := b.Volume(ctx, p, name+"1")
		if err != nil {
			return err
		}
		return b.Clone(ctx, p, volume(name+"2", 3*mib), v, backend.CloneOptions{})
	})
	s.does("wipe", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		return b.Wipe(ctx, p, name+"2", "zero", nil)
	})
	s.does("list", func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
		for _, err := range b.Details(ctx, p) {
			return err
		}
		return nil
	})
	s.does("remove with partitions on it", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Remove(ctx, p) })
	b := newBackend()
	for _, number := range []string{"5", "3", "2", "1"} {
		if _, err := b.Volume(s.Context(), s.pool, name+number); err == nil {
			ok(s, b.Delete(s.Context(), s.pool, name+number))
		}
	}
	run(s, "addpart", s.pool.Source.Devices[0].Path, "7", "20480", "2048")
	s.does("sweep what a killed process has left", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { _, err := b.Sweep(ctx, p); return err })
	s.does("remove", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Remove(ctx, p) })
}
