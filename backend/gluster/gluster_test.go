package gluster

import (
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func options(t *testing.T, define func(name string, size uint64) *pooldef.Volume) backendtest.Options {
	needsCluster(t)
	return backendtest.Options{
		New:  func(h host.Host) backend.Backend { return newBackend(h) },
		Host: here,
		Pool: func(t *testing.T) *pooldef.Pool { return poolOf(t, "gv0") },
		Snapshot: func(t *testing.T, p *pooldef.Pool) string {
			return backendtest.Tree(t, bricks(t)+"/gv0-1"+p.Source.Dir)
		},
		Volume:  define,
		Refused: []string{"", ".", "..", "../x", "a/b", ".poolctl-0123456789abcdef", strings.Repeat("n", 256)},
		Allowed: []string{"-x", "a b", "a\nb", "'", "$(x)", "a:b", "json:{}", "ü", "\xff\xfe", ".poolctl-x", ".hidden", meta},
	}
}

func TestRaw(t *testing.T) {
	o := options(t, volume)
	o.Sizes = []uint64{65537, 0, 1, 1 << 20}
	backendtest.Run(t, o)
}

func TestQcow2(t *testing.T) {
	o := options(t, func(name string, size uint64) *pooldef.Volume {
		v := volume(name, size)
		v.Target.Format = "qcow2"
		return v
	})
	o.Sizes, o.Unit = []uint64{1 << 20, 513}, 512
	o.Encode = func(t testing.TB, format string, disk []byte) []byte {
		return backendtest.Convert(t, "raw", format, disk)
	}
	o.Decode = func(t testing.TB, format string, image []byte) []byte {
		return backendtest.Convert(t, format, "raw", image)
	}
	o.Parts = []string{"Volumes", "Sizes", "Cloning", "Resizing", "Transfers", "Killed"}
	backendtest.Run(t, o)
}

func TestDirectory(t *testing.T) {
	o := options(t, func(name string, size uint64) *pooldef.Volume {
		v := volume(name, size)
		v.Target.Format = "dir"
		return v
	})
	o.Sizes = []uint64{0}
	o.Parts = []string{"Volumes", "Cloning", "Transfers", "Wiping", "KilledDeleting"}
	backendtest.Run(t, o)
}
