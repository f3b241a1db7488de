package vstorage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

// installStandIn puts a stand-in for vstorage-mount in PATH, and returns the directory of its clusters.
// Virtuozzo's own tools are not available.
func installStandIn(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "pools of type vstorage: they need root")
	}
	script, err := filepath.Abs("testdata/vstorage-mount")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	backendtest.Change(t, host.Mkdir{Path: dir + "/clusters", Mode: 0o755}, host.Cmd("cp", "--", script, dir))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir + "/clusters"
}

// newPool returns a pool on a new cluster.
func newPool(t testing.TB) *pooldef.Pool {
	t.Helper()
	dir := filepath.Join(installStandIn(t), "cluster")
	backendtest.Change(t, host.Mkdir{Path: dir, Mode: 0o755})
	t.Cleanup(func() { // it stays mounted when a pool is stopped
		if mounted, _ := new(host.Local).Mounted(dir); mounted {
			backendtest.Change(t, host.Cmd("umount", "--", dir))
		}
	})
	p := &pooldef.Pool{Type: pooldef.Vstorage, Name: "pool", UUID: "00000000-0000-4000-8000-000000000001"}
	p.Source.Name = "cluster"
	p.Target.Path = filepath.Join(t.TempDir(), "pool 'x'")
	return p
}

// snapshot prints the parent of the pool's directory and the mounts in it.
func snapshot(t *testing.T, p *pooldef.Pool) string {
	return backendtest.TreeAndMounts(t, filepath.Dir(p.Target.Path))
}

func TestVstorage(t *testing.T) {
	backendtest.Run(t, backendtest.Options{
		Elsewhere: backendtest.Because("TestRaw of backend/dir covers it",
			slices.Concat(backendtest.VolumeFaults, backendtest.Requests)...),
		New:      func(h host.Host) backend.Backend { return New(h, nil, time.Minute) },
		Pool:     func(t *testing.T) *pooldef.Pool { return newPool(t) },
		Snapshot: snapshot,
		Sizes:    []uint64{65537, 0, 1, 1 << 20},
		Volume: func(name string, size uint64) *pooldef.Volume {
			return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size),
				Target: pooldef.VolumeTarget{Format: "raw"}}
		},
		Refused: []string{"", ".", "..", "../x", "a/b", strings.Repeat("n", 256)},
		Allowed: []string{strings.Repeat("n", 255), "-x", "a b", "a\nb", "'", "$(x)"},
	})
}
