package disk

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A session is a golden with a pool.
type session struct {
	*backendtest.Golden
	pool *pooldef.Pool
}

type operation func(ctx context.Context, b *Backend, p *pooldef.Pool) error

// does runs an operation under a title.
func (s *session) does(title string, op operation) {
	s.Helper()
	s.Do(title, func(h host.Host) error { return op(s.Context(), New(h, nil, time.Minute), s.pool) })
}

// clearCommand matches the commands that clear a device's ends. They depend on the device's size, which is
// unknown in a dry run. udevQuery matches the commands that wait for udev.
var (
	clearCommand = regexp.MustCompile(
		`blkdiscard -z -o .* && blkdiscard -z -l \d+ (\S+) </dev/null|blkdiscard -z (/\S+) </dev/null`,
	)
	udevQuery = regexp.MustCompile(`(?m)^\? udevadm .*\n`)
)

// TestGolden runs every operation once.
func TestGolden(t *testing.T) {
	for _, format := range []string{"gpt", "dos"} {
		t.Run(format, func(t *testing.T) {
			s := &session{Golden: backendtest.NewGolden(t, "operations-"+format), pool: newPool(t, format)}
			disk := s.pool.Source.Devices[0].Path
			s.Clean = func(text string) string {
				text = udevQuery.ReplaceAllString(
					clearCommand.ReplaceAllString(text, "blkdiscard -z (all, or the ends, of) $1$2"), "",
				)
				return strings.ReplaceAll(text, filepath.Base(disk), "loop0")
			}
			s.Snapshot = func() string { return snapshot(s, disk) }
			s.everything(filepath.Base(disk) + "p")
			s.End()
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
	s.does(
		"delete",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.Delete(ctx, p, name+"2") },
	)
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
	s.does(
		"remove with partitions on it",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.DeletePool(ctx, p) },
	)
	b := newBackend()
	for _, number := range []string{"5", "3", "2", "1"} {
		if _, err := b.Volume(s.Context(), s.pool, name+number); err == nil {
			ok(s, b.Delete(s.Context(), s.pool, name+number))
		}
	}
	run(s, "addpart", s.pool.Source.Devices[0].Path, "7", "20480", "2048")
	s.does(
		"sweep what a killed process has left",
		func(ctx context.Context, b *Backend, p *pooldef.Pool) error {
			_, err := b.RemoveStale(ctx, p)
			return err
		},
	)
	s.does(
		"remove", func(ctx context.Context, b *Backend, p *pooldef.Pool) error { return b.DeletePool(ctx, p) },
	)
}
