package fs

import (
	"bytes"
	"fmt"
	"os"
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
	record bytes.Buffer
}

// does lets an operation happen, and before that in a dry run, which has to print the same changes.
func (s *session) does(title string, p *pooldef.Pool, op func(b *Backend) error) {
	s.Helper()
	names := strings.NewReplacer(p.Source.Devices[0].Path, "/dev/loop0", filepath.Dir(p.Target.Path), "/srv")
	var dry, trace bytes.Buffer
	dryErr := op(New(host.NewDryRun(&host.Local{}, &dry), nil))
	fmt.Fprintf(&s.record, "# %s\n", title)
	err := op(New(host.Trace{Host: &host.Local{}, W: &trace}, nil))
	s.record.WriteString(names.Replace(trace.String()))
	if err != nil {
		fmt.Fprintf(&s.record, "error: %s\n", names.Replace(err.Error()))
	}
	s.record.WriteByte('\n')
	var changes strings.Builder
	for line := range strings.Lines(trace.String()) {
		if change, is := strings.CutPrefix(line, "+ "); is {
			changes.WriteString(change)
		}
	}
	if err == nil && (dryErr != nil || changes.String() != dry.String()) {
		s.Errorf("%s: a dry run prints\n%s, error %v; what happens is\n%s", title, dry.String(), dryErr, changes.String())
	}
}

// build, start, stop and remove are the operations.
func build(t *testing.T, p *pooldef.Pool, o backend.BuildOptions) func(b *Backend) error {
	return func(b *Backend) error { return b.Build(t.Context(), p, o) }
}

func start(t *testing.T, p *pooldef.Pool) func(b *Backend) error {
	return func(b *Backend) error { return b.Start(t.Context(), p) }
}

func stop(t *testing.T, p *pooldef.Pool) func(b *Backend) error {
	return func(b *Backend) error { return b.Stop(t.Context(), p) }
}

func TestGolden(t *testing.T) {
	s := &session{T: t}
	p := newPool(t, "ext4")
	s.does("build: the directory alone", p, build(t, p, backend.BuildOptions{}))
	s.does("start without a file system", p, start(t, p))
	s.does("format an empty device", p, build(t, p, backend.BuildOptions{NoOverwrite: true}))
	s.does("format one that is not empty", p, build(t, p, backend.BuildOptions{NoOverwrite: true}))
	s.does("overwrite it", p, build(t, p, backend.BuildOptions{Overwrite: true}))
	p.MountOptions = []string{"ro", "noatime"}
	s.does("start, with options", p, start(t, p))
	s.does("start again: nothing to do", p, start(t, p))
	s.does("build while it is mounted", p, build(t, p, backend.BuildOptions{Overwrite: true}))
	s.does("stop", p, stop(t, p))
	s.does("stop again: nothing to do", p, stop(t, p))
	p.Source.Format, p.MountOptions = "xfs", nil
	s.does("start, but it has another format", p, start(t, p))
	p.Source.Format = "hfs+"
	s.does("make what nothing can make", p, build(t, p, backend.BuildOptions{Overwrite: true}))
	s.does("remove", p, func(b *Backend) error { return b.Remove(t.Context(), p) })
	for _, format := range []string{"ext2", "ext3", "xfs", "btrfs", "vfat", "udf"} {
		p.Source.Format = format
		s.does("overwrite, "+format, p, build(t, p, backend.BuildOptions{Overwrite: true}))
	}
	const file = "testdata/fs.golden"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, s.record.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(s.record.Bytes(), want) {
		t.Errorf("%s differs; UPDATE=1 accepts it. error %v. Now it is\n%s", file, err, s.record.String())
	}
}
