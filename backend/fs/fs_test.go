package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

// newPool returns a pool on a new device.
func newPool(t testing.TB, format string) *pooldef.Pool {
	t.Helper()
	if os.Geteuid() != 0 {
		backendtest.NotRun(t, "pools of type fs: they need root")
	}
	p := &pooldef.Pool{Type: pooldef.FS, Name: "pool", UUID: "00000000-0000-4000-8000-000000000001"}
	p.Target.Path = filepath.Join(t.TempDir(), "pool 'x'")
	p.Source = pooldef.Source{Format: format, Devices: []pooldef.Device{{Path: backendtest.Loop(t, 512)}}}
	return p
}

// snapshot prints the parent of the pool's directory and the mounts in it.
func snapshot(t *testing.T, p *pooldef.Pool) string {
	return backendtest.TreeAndMounts(t, filepath.Dir(p.Target.Path))
}

// volumeFaults are the parts in which poolctl does the same in every directory, mounted or not.
var volumeFaults = backendtest.Because("TestRaw of backend/dir covers it", backendtest.VolumeFaults...)

// likeXFS are the parts in which poolctl does the same with every file system.
var likeXFS = backendtest.Because("TestXFS, or TestRaw of backend/dir, covers it",
	slices.Concat(backendtest.Faults, backendtest.Requests)...)

func options(pool func(t *testing.T) *pooldef.Pool, o backend.BuildOptions,
	elsewhere map[string]string) backendtest.Options {
	return backendtest.Options{
		Elsewhere: elsewhere,
		New:       func(h host.Host) backend.Backend { return New(h, nil) },
		Pool:      pool,
		Build:     o,
		Snapshot:  snapshot,
		Sizes:     []uint64{65537, 0, 1, 1 << 20},
		Volume: func(name string, size uint64) *pooldef.Volume {
			return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size),
				Target: pooldef.VolumeTarget{Format: "raw"}}
		},
		Refused: []string{"", ".", "..", "../x", "a/b", strings.Repeat("n", 256)},
		Allowed: []string{strings.Repeat("n", 255), "-x", "a b", "a\nb", "'", "$(x)", "\xff\xfe"},
	}
}

// TestXFS and TestBtrfs format the device when the pool is built.
func TestXFS(t *testing.T) {
	backendtest.Run(t, options(func(t *testing.T) *pooldef.Pool { return newPool(t, "xfs") },
		backend.BuildOptions{Overwrite: true}, volumeFaults))
}

func TestBtrfs(t *testing.T) {
	backendtest.Run(t, options(func(t *testing.T) *pooldef.Pool { return newPool(t, "btrfs") },
		backend.BuildOptions{Overwrite: true}, likeXFS))
}

var labels atomic.Uint64

// TestExt4 uses a formatted device, named by its label. The file system is completely empty, without
// lost+found.
func TestExt4(t *testing.T) {
	backendtest.Run(t, options(func(t *testing.T) *pooldef.Pool {
		p := newPool(t, "auto")
		device, label := p.Source.Devices[0].Path,
			fmt.Sprintf("poolctl%05d%d", os.Getpid()%100000, labels.Add(1))
		backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "-L", label, device))
		dir := t.TempDir()
		backendtest.Change(t, host.Cmd("mount", device, dir), host.Rmdir{Path: dir + "/lost+found"},
			host.Cmd("umount", dir))
		p.Source.Devices[0].Path = "LABEL=" + label
		return p
	}, backend.BuildOptions{}, likeXFS))
}
