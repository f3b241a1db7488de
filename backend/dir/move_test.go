package dir_test

import (
	"path/filepath"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/dir"
	"poolctl/backend/driver/drivertest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// TestMoves moves volumes between file systems, and within one.
func TestMoves(t *testing.T) {
	newPool := func(t *testing.T) *pooldef.Pool {
		p := &pooldef.Pool{Type: pooldef.Dir, Name: "pool"}
		p.Target.Path = filepath.Join(t.TempDir(), "pool")
		return p
	}
	o := backendtest.Options{
		New:      func(h host.Host) backend.Backend { return dir.New(h, nil) },
		Pool:     newPool,
		Snapshot: func(t *testing.T, p *pooldef.Pool) string { return backendtest.Tree(t, p.Target.Path) },
		Sizes:    []uint64{65537},
		Volume: func(name string, size uint64) *pooldef.Volume {
			return &pooldef.Volume{
				Name: name, Capacity: pooldef.Bytes(size), Target: pooldef.VolumeTarget{Format: "raw"},
			}
		},
		Move: drivertest.Move,
		Sibling: func(t *testing.T, _ *pooldef.Pool) *pooldef.Pool {
			p := newPool(t)
			p.Name = "sibling"
			if err := dir.New(&host.Local{}, nil).Build(t.Context(), p, backend.BuildOptions{}); err != nil {
				t.Fatal(err)
			}
			return p
		},
		Parts: []string{"Moving"},
	}
	backendtest.Run(t, o)
}
