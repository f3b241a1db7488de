package image

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
)

// A counter counts reads and bytes. If bad is set, reads after the first good ones fail.
type counter struct {
	io.ReaderAt
	reads, bytes int
	good         int
	bad          error
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	if c.bad != nil && c.reads == c.good {
		return 0, c.bad
	}
	c.reads++
	c.bytes += len(p)
	return c.ReaderAt.ReadAt(p, off)
}

// TestReads checks the cost of every sample: a raw image needs three small reads, other images a limited
// number.
func TestReads(t *testing.T) {
	for family, samples := range samples {
		for _, sample := range samples {
			r := &counter{ReaderAt: bytes.NewReader(sample.image)}
			if _, err := Probe(r, int64(len(sample.image))); err != nil {
				t.Fatal(err)
			}
			reads, size := 1+2*3, 7*blockSize // VHDX: both copies of its tables, to the end
			switch {
			case sample.want == Info{Format: "raw", Capacity: uint64(len(sample.image))}:
				reads, size = 3, blockSize+2*windowSize
			case family == "vmdk": // text is read to its end
				reads, size = 3+maxDescriptor/blockSize, blockSize+maxDescriptor+blockSize+maxHint
			case family == "luks":
				reads, size = 16, 2*luks2MaxHeader
			case family == "qcow2": // one window per extension, one for the name
				reads, size = maxExtensions+3, (maxExtensions+3)*blockSize
			}
			if r.reads > reads || r.bytes > size {
				t.Errorf(
					"%s %s: %d reads of %d bytes, want at most %d of %d", family, sample.name, r.reads, r.bytes, reads, size,
				)
			}
		}
	}
}

// TestReadErrors fails each read of a sample in turn. Probe must return the reader's error and nothing else.
func TestReadErrors(t *testing.T) {
	bad := errors.New("input/output error")
	for family, samples := range samples {
		for _, sample := range samples {
			for good := range 400 {
				r := &counter{ReaderAt: bytes.NewReader(sample.image), good: good, bad: bad}
				info, err := Probe(r, int64(len(sample.image)))
				if err == nil && r.reads <= good && info == sample.want {
					break // no more reads are needed
				}
				if !errors.Is(err, bad) || info != (Info{}) {
					t.Fatalf("%s %s, read %d failing: %+v, %v", family, sample.name, good, info, err)
				}
			}
		}
	}
}

// TestShorterThanSize probes images that are shorter than their size, as if another process had truncated
// them.
func TestShorterThanSize(t *testing.T) {
	for family, samples := range samples {
		for _, sample := range samples {
			for _, size := range []int64{int64(len(sample.image)) + 1, 1 << 40, math.MaxInt64} {
				info, err := Probe(bytes.NewReader(sample.image), size)
				if err != nil {
					t.Fatal(err)
				}
				if problem := impossible(info); problem != "" {
					t.Errorf("%s %s: %s: %+v", family, sample.name, problem, info)
				}
			}
		}
	}
}

// TestShorterAnywhere truncates each sample at every offset of its headers, after its size was determined.
func TestShorterAnywhere(t *testing.T) {
	for family, samples := range samples {
		for _, sample := range samples {
			size, parts := int64(len(sample.image)), runs(sample.image)
			for _, at := range offsets(size, parts) {
				info, err := Probe(hole{at, parts}, size)
				if problem := impossible(info); err != nil || problem != "" {
					t.Fatalf("%s %s, cut at %d: %s: %+v, %v", family, sample.name, at, problem, info, err)
				}
			}
		}
	}
}

// offsets returns offsets around the start and the end of each part, as many as a header has bytes, and some
// others. It omits the end of text of more than 32 KiB, which takes long to read.
func offsets(size int64, parts []part) (all []int64) {
	const near, far, long = 600, 40961, 32 * kib
	for at := int64(0); at < size; at += far {
		all = append(all, at)
	}
	for _, p := range parts {
		for _, edge := range []int64{int64(p.at), int64(p.at + min(len(p.text), long))} {
			for at := max(edge-near, 0); at < min(edge+near, size); at++ {
				all = append(all, at)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestNegativeSize(t *testing.T) {
	got, err := Probe(bytes.NewReader([]byte("QFI\xfb\x00\x00\x00\x03")), -1)
	if want := (Info{Format: "raw"}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// TestHostile truncates the samples anywhere in their headers, and overwrites every byte of the headers with
// extreme values.
func TestHostile(t *testing.T) {
	check := func(what string, image []byte) {
		info, err := Probe(bytes.NewReader(image), int64(len(image)))
		if problem := impossible(info); err != nil || problem != "" {
			t.Fatalf("%s: %s: %+v, %v", what, problem, info, err)
		}
	}
	for _, samples := range samples {
		for _, sample := range samples {
			header := slices.Clone(sample.image[:min(len(sample.image), 600)])
			for i := range header {
				check(sample.name, header[:i])
			}
			for i := range header {
				for _, bad := range []string{
					"\xff", "\xff\xff\xff\xff", "\x7f\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\x7f",
				} {
					check(sample.name, with(header, part{i, bad}))
				}
			}
		}
	}
}

// TestTogether probes all samples in parallel, with shared buffers.
func TestTogether(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, samples := range samples {
				for _, sample := range samples {
					if got, err := Probe(bytes.NewReader(sample.image), int64(len(sample.image))); err != nil ||
						got != sample.want {
						t.Errorf("%s: %+v, %v", sample.name, got, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// impossible returns what is impossible in an Info, whatever the image, or "".
func impossible(i Info) string {
	known := []string{
		"raw", "bochs", "cloop", "dmg", "iso", "vpc", "vdi", "ploop", "cow", "qcow", "qcow2", "qed", "vmdk", "vhdx",
	}
	switch {
	case !slices.Contains(known, i.Format):
		return "unknown format"
	case i.Capacity > math.MaxInt64:
		return "capacity beyond any file"
	case len(i.Backing) > 1024 || len(i.DataFile) > 1024:
		return "name too long"
	case i.Backing == "" && i.BackingFormat != "":
		return "format of no backing file"
	case i.BackingFormat != "" && !slices.Contains(known, i.BackingFormat):
		return "unknown format of a backing file"
	case i.ClusterSize != 0 &&
		(i.ClusterSize < 512 || i.ClusterSize > 2*mib || i.ClusterSize&(i.ClusterSize-1) != 0):
		return "clusters of no possible size"
	case i.Format != "qcow2" &&
		(i.Compat != "" || i.ClusterSize != 0 || i.DataFile != "" || i.LazyRefcounts || i.ExtendedL2):
		return "qcow2's features"
	case i.DataFile != "" && !i.ExternalData:
		return "data file without external data"
	}
	return ""
}

// TestReadsOnce checks that no byte of a sample is read twice. Another process could change the byte in
// between, and a field would have two values.
func TestReadsOnce(t *testing.T) {
	for family, samples := range samples {
		for _, sample := range samples {
			r := &tracker{ReaderAt: bytes.NewReader(sample.image)}
			if _, err := Probe(r, int64(len(sample.image))); err != nil {
				t.Fatal(err)
			}
			if again := r.again(); again != "" {
				t.Errorf("%s %s: %s", family, sample.name, again)
			}
		}
	}
}

// A tracker records the ranges that were read.
type tracker struct {
	io.ReaderAt
	read [][2]int64 // from, to
}

// again returns which bytes were read twice, or "".
func (r *tracker) again() string {
	slices.SortFunc(r.read, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	for i := 1; i < len(r.read); i++ {
		if r.read[i][0] < r.read[i-1][1] {
			return fmt.Sprint(r.read[i-1], " and ", r.read[i])
		}
	}
	return ""
}

func (r *tracker) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(p, off)
	if n > 0 {
		r.read = append(r.read, [2]int64{off, off + int64(n)})
	}
	return n, err
}
