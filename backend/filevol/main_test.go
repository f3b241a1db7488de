package filevol

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

var here = Files{Host: &host.Local{}}

// poolIn returns a pool of files in a directory.
func poolIn(dir string) *pooldef.Pool {
	return &pooldef.Pool{Type: pooldef.Dir, Name: "pool", Target: pooldef.Target{Path: dir}}
}

// newPool returns a pool whose directory is there, and empty.
func newPool(t testing.TB) *pooldef.Pool { return poolIn(t.TempDir()) }

// rawVolume defines a sparse raw volume.
func rawVolume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size), Allocation: pooldef.Bytes(0), Target: pooldef.VolumeTarget{Format: "raw"}}
}

// write puts a file into a pool, as somebody else would.
func write(t testing.TB, p *pooldef.Pool, name, text string) string {
	t.Helper()
	path := filepath.Join(p.Target.Path, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A brokenHost fails where it is told to.
type brokenHost struct {
	host.Host
	fails func(host.Step) bool
}

var errBroken = errors.New("broken")

// Change implements host.Host.
func (b brokenHost) Change(ctx context.Context, s host.Step) error {
	if b.fails(s) {
		return errBroken
	}
	return b.Host.Change(ctx, s)
}
