package filevol

import (
	"fmt"
	"testing"

	"poolctl/pooldef"
)

// BenchmarkListing lists a pool of 10,000 files, with and without reading their headers.
func BenchmarkListing(b *testing.B) {
	p := newPool(b)
	const files = 10_000
	for n := range files {
		write(b, p, fmt.Sprintf("volume-%d.qcow2", n), "QFI\xfb\x00\x00\x00\x03"+string(make([]byte, 4088)))
	}
	count := func(b *testing.B, v *pooldef.Volume, err error) int {
		if err != nil || v.Err != nil {
			b.Fatal(err, v)
		}
		return 1
	}
	b.Run("Volumes", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for v, err := range here.Volumes(b.Context(), p) {
				n += count(b, v, err)
			}
			if n != files {
				b.Fatal(n)
			}
		}
	})
	b.Run("Details", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for v, err := range here.Details(b.Context(), p) {
				n += count(b, v, err)
			}
			if n != files {
				b.Fatal(n)
			}
		}
	})
}
