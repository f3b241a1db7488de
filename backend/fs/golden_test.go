package fs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// do runs an operation.
func do(g *backendtest.Golden, title string, op func(b *Backend) error) {
	g.Helper()
	g.Do(title, func(h host.Host) error { return op(New(h, nil)) })
}

// build, start and stop return the operations.
func build(t *testing.T, p *pooldef.Pool, o backend.BuildOptions) func(b *Backend) error {
	return func(b *Backend) error { return b.Build(t.Context(), p, o) }
}

func start(t *testing.T, p *pooldef.Pool) func(b *Backend) error {
	return func(b *Backend) error { return b.Start(t.Context(), p) }
}

func stop(t *testing.T, p *pooldef.Pool) func(b *Backend) error {
	return func(b *Backend) error { return b.Stop(t.Context(), p) }
}

// identifier matches identifiers of a file system and its device in the output of wipefs.
var identifier = regexp.MustCompile(`("(?:uuid|device)": ")[^"]+`)

func TestGolden(t *testing.T) {
	g := backendtest.NewReplayed(t, "fs", os.Geteuid() == 0)
	p := &pooldef.Pool{Type: pooldef.FS, Name: "pool", Target: pooldef.Target{Path: "/srv/pool 'x'"}}
	p.Source = pooldef.Source{Format: "ext4", Devices: []pooldef.Device{{Path: "/dev/loop0"}}}
	if g.Live() {
		p = newPool(t, "ext4")
		replace := strings.NewReplacer(p.Source.Devices[0].Path, "/dev/loop0", filepath.Dir(p.Target.Path),
			"/srv")
		g.Clean = func(text string) string {
			return identifier.ReplaceAllString(replace.Replace(text), "${1}1")
		}
		g.Snapshot = func() string { return snapshot(t, p) }
	}
	do(g, "build: the directory alone", build(t, p, backend.BuildOptions{}))
	do(g, "start without a file system", start(t, p))
	do(g, "format an empty device", build(t, p, backend.BuildOptions{NoOverwrite: true}))
	do(g, "format one that is not empty", build(t, p, backend.BuildOptions{NoOverwrite: true}))
	do(g, "overwrite it", build(t, p, backend.BuildOptions{Overwrite: true}))
	p.MountOptions = []string{"ro", "noatime"}
	do(g, "start, with options", start(t, p))
	do(g, "start again: nothing to do", start(t, p))
	do(g, "build while it is mounted", build(t, p, backend.BuildOptions{Overwrite: true}))
	do(g, "stop", stop(t, p))
	do(g, "stop again: nothing to do", stop(t, p))
	p.Source.Format, p.MountOptions = "xfs", nil
	do(g, "start, but it has another format", start(t, p))
	p.Source.Format = "hfs+"
	do(g, "make what nothing can make", build(t, p, backend.BuildOptions{Overwrite: true}))
	do(g, "remove", func(b *Backend) error { return b.DeletePool(t.Context(), p) })
	for _, format := range []string{"ext2", "ext3", "xfs", "btrfs", "vfat", "udf"} {
		p.Source.Format = format
		do(g, "overwrite, "+format, build(t, p, backend.BuildOptions{Overwrite: true}))
	}
	g.End()
}
