package image

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// benchmarked lists the most common images, and the slowest.
var benchmarked = []struct {
	name  string
	image []byte
}{
	{"raw", make([]byte, 64*kib)},
	{"qcow2", qcow2Image(3)},
	{"overlay", qcow2Image(3, overlay(400, 8), part{400, "base.img"},
		part{104, extension(extensionBackingFormat, "qcow2") + extension(0x6803f857, string(make([]byte, 240)))})},
	{"vmdk", sparse(1, 10240, descriptorHead+"parentFileNameHint=\"base.vmdk\"\n"+extents)},
	{"vhdx", vhdxImage()},
	{"luks2", luks2Image(mib, 16*kib, luks2Header)},
}

// BenchmarkProbe measures a probe without the cost of reading.
func BenchmarkProbe(b *testing.B) {
	for _, image := range benchmarked {
		b.Run(image.name, func(b *testing.B) {
			r := bytes.NewReader(image.image)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Probe(r, r.Size()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPool measures opening, probing and closing one file of a pool of 10,000, on all processors.
func BenchmarkPool(b *testing.B) {
	const files = 10000
	for _, image := range benchmarked[:3] {
		b.Run(image.name, func(b *testing.B) {
			dir := b.TempDir()
			names := make([]string, files)
			for n := range names {
				names[n] = filepath.Join(dir, strconv.Itoa(n))
				if err := os.WriteFile(names[n], image.image, 0o600); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			var next atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					probeFile(b, names[next.Add(1)%files])
				}
			})
		})
	}
}

func probeFile(b *testing.B, name string) {
	f, err := os.Open(name)
	if err != nil {
		b.Error(err)
		return
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		b.Error(err)
		return
	}
	if _, err := Probe(f, stat.Size()); err != nil {
		b.Error(err)
	}
}
