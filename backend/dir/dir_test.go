package dir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

// options describe a pool whose directory must be created.
func options() backendtest.Options {
	mode := uint32(0o750)
	return backendtest.Options{
		New: func(h host.Host) backend.Backend { return New(h, nil) },
		Pool: func(t *testing.T) *pooldef.Pool {
			p := &pooldef.Pool{Type: pooldef.Dir, Name: "pool", UUID: "00000000-0000-4000-8000-000000000001"}
			p.Target.Path = filepath.Join(t.TempDir(), "pool 'x'")
			p.Target.Permissions.Mode = &mode
			return p
		},
		Snapshot: func(t *testing.T, p *pooldef.Pool) string {
			return backendtest.Tree(t, filepath.Dir(p.Target.Path))
		},
		Refused: []string{"", ".", "..", "../x", "a/b", ".poolctl-0123456789abcdef",
			strings.Repeat("n", 256)},
		Allowed: []string{strings.Repeat("n", 255), "-x", "a b", "a\nb", "'", "$(x)", "a:b", "json:{}", "ü",
			"\xff\xfe", ".poolctl-x", ".hidden"},
	}
}

func volume(format string, change func(*pooldef.Volume)) func(string, uint64) *pooldef.Volume {
	return func(name string, size uint64) *pooldef.Volume {
		v := &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size),
			Target: pooldef.VolumeTarget{Format: format}}
		change(v)
		return v
	}
}

// setOtherOwner gives a volume another owner if the test runs as root.
func setOtherOwner(v *pooldef.Volume) {
	owner, group := uint32(os.Getuid()), uint32(os.Getgid())
	if owner == 0 {
		owner, group = 4711, 4712
	}
	v.Target.Permissions.Owner, v.Target.Permissions.Group = &owner, &group
}

func TestRaw(t *testing.T) {
	o := options()
	mode := uint32(0o640)
	o.Volume = volume("raw", func(v *pooldef.Volume) { v.Target.Permissions.Mode = &mode })
	o.Sizes = []uint64{65537, 0, 1, 511, 512, 1 << 20}
	o.Unsupported = []*pooldef.Volume{o.Volume("ploop", 1<<20)}
	o.Unsupported[0].Target.Format = "ploop"
	backendtest.Run(t, o)
}

func TestSparse(t *testing.T) {
	o := options()
	o.Volume = volume("raw", func(v *pooldef.Volume) { v.Allocation = pooldef.Bytes(0) })
	o.Sizes = []uint64{1 << 20, 1<<42 + 1}
	o.Elsewhere = backendtest.Because("TestRaw covers it",
		slices.Concat(backendtest.Faults, backendtest.Requests)...)
	backendtest.Run(t, o)
}

func TestQcow2(t *testing.T) {
	o := options()
	o.Volume = volume("qcow2", setOtherOwner)
	o.Sizes, o.Unit = []uint64{1 << 20, 0, 1, 513, 1 << 42}, 512
	o.Encode, o.Decode = encode, decode
	o.Elsewhere = backendtest.Because("TestRaw covers it", backendtest.PoolFaults...)
	backendtest.Run(t, o)
}

func encode(t testing.TB, format string, disk []byte) []byte {
	return backendtest.Convert(t, "raw", format, disk)
}

func decode(t testing.TB, format string, image []byte) []byte {
	return backendtest.Convert(t, format, "raw", image)
}

// TestConverted creates raw volumes from qcow2 images.
func TestConverted(t *testing.T) {
	o := options()
	o.Volume, o.Source = volume("raw", setOtherOwner), volume("qcow2", func(*pooldef.Volume) {})
	o.Sizes, o.Unit = []uint64{1 << 20}, 512
	o.Encode, o.Decode = encode, decode
	o.Elsewhere = backendtest.Because("TestRaw and TestQcow2 cover it", slices.Concat(backendtest.PoolFaults,
		[]string{"VolumeFaults", "RenameFaults", "ResizeFaults", "Killed", "KilledDeleting"},
		[]string{"Lifecycle", "Listing", "Volumes", "Names", "Renaming", "RenamingTogether", "Unsupported",
			"Together", "Resizing", "Wiping", "Trimming"})...)
	backendtest.Run(t, o)
}

func TestDirectory(t *testing.T) {
	o := options()
	o.Volume = volume("dir", setOtherOwner)
	o.Sizes = []uint64{0}
	o.Elsewhere = backendtest.Because("TestRaw covers it", backendtest.PoolFaults...)
	backendtest.Run(t, o)
}

// TestFormat requests that a directory be formatted.
func TestFormat(t *testing.T) {
	o := options()
	p := o.Pool(t)
	for _, format := range []backend.BuildOptions{{Overwrite: true}, {NoOverwrite: true}} {
		unsupported := (*backend.UnsupportedError)(nil)
		if err := New(&host.Local{}, nil).Build(t.Context(), p, format); !errors.As(err, &unsupported) {
			t.Errorf("%+v: error %v", format, err)
		}
		if _, err := os.Stat(p.Target.Path); err == nil {
			t.Error("the directory was created")
		}
	}
}
