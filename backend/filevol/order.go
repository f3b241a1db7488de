package filevol

import (
	"iter"
	"slices"

	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// batches returns the entries of a directory in the order of their names, in parts: of firstBatch and then of
// batch entries. It finds the first part without sorting the others, because a reader waits for it.
func batches(entries []safeopen.DirEntry) iter.Seq[[]safeopen.DirEntry] {
	return func(yield func([]safeopen.DirEntry) bool) {
		first := least(entries, firstBatch)
		if len(first) == 0 || !yield(first) {
			return
		}
		entries = sorted(entries)
		last, _ := slices.BinarySearchFunc(entries, first[len(first)-1], compareNames)
		for part := range slices.Chunk(entries[last+1:], batch) {
			if !yield(part) {
				return
			}
		}
	}
}

// least returns the first n entries in the order of their names.
func least(entries []safeopen.DirEntry, n int) (first []safeopen.DirEntry) {
	for _, e := range entries {
		if len(first) == n && compareNames(e, first[n-1]) >= 0 {
			continue
		}
		i, isTwice := slices.BinarySearchFunc(first, e, compareNames)
		if isTwice {
			continue
		}
		first = slices.Insert(first[:min(len(first), n-1)], i, e)
	}
	return first
}

// sorted sorts entries by their names. A directory that is changing may return a name twice, which sorted
// keeps once.
func sorted(entries []safeopen.DirEntry) []safeopen.DirEntry {
	slices.SortFunc(entries, compareNames)
	return slices.CompactFunc(entries, func(a, b safeopen.DirEntry) bool { return a.Name == b.Name })
}

func compareNames(a, b safeopen.DirEntry) int { return pooldef.CompareNames(a.Name, b.Name) }
