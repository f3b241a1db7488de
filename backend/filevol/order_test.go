package filevol

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"poolctl/backend/host/safeopen"
)

// TestBatches compares the entries of directories of all sizes around those of a batch, with names that occur
// twice, with a plain sort of them.
func TestBatches(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, firstBatch - 1, firstBatch, firstBatch + 1, firstBatch + batch + 1} {
		var entries []safeopen.DirEntry
		for range size {
			name := fmt.Sprintf("%c%d", "Aab"[random.IntN(3)], random.IntN(size))
			entries = append(entries, safeopen.DirEntry{Name: name})
		}
		want := sorted(slices.Clone(entries))
		var got []safeopen.DirEntry
		for part := range batches(entries) {
			got = append(got, part...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %d entries, got %v, want %v", size, got, want)
		}
	}
}
