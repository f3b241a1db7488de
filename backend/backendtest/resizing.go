package backendtest

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"poolctl/backend"
)

// most is how large a volume may be for a test to look at all of it.
const most = 16 << 20

// resizing makes volumes larger and smaller. What they hold stays, what they get is zeros.
func (s *suite) resizing() {
	s.ready()
	resizer := needs[backend.Resizer](s)
	s.create("v")
	small := s.Sizes[0]
	if !hasData(s.the("v")) {
		s.refuses(resizer.Resize(s.Context(), s.pool, "v", small+1, backend.ResizeOptions{}), s.state(), "resized what has no data")
		return
	}
	for _, size := range append(slices.Clone(s.Sizes), 2*small, small+s.unit()) {
		if size == 0 && s.isImage() { // qemu-img makes such, but does not resize to that
			continue
		}
		s.resized(resizer, size, backend.ResizeOptions{})
		if size <= most && !s.OnlyGrow {
			s.resized(resizer, size, backend.ResizeOptions{Allocate: true})
		}
	}
	before := s.state()
	if err := resizer.Resize(s.Context(), s.pool, "none", small, backend.ResizeOptions{}); !errors.Is(err, backend.ErrNoVolume) {
		s.Errorf("one that is not there: error %v", err)
	}
	s.same(before, "resized one that is not there")
}

// resized makes a new volume that is full of data larger or smaller.
func (s *suite) resized(resizer backend.Resizer, size uint64, o backend.ResizeOptions) {
	s.Helper()
	s.remove("v")
	s.create("v")
	data := s.fill("v", 1)
	old := s.the("v").Capacity.Bytes
	if size < old {
		state := s.state()
		s.fails(resizer.Resize(s.Context(), s.pool, "v", size, o), state, "made smaller without a word that it may be")
		o.Shrink = true
		if s.OnlyGrow {
			s.refuses(resizer.Resize(s.Context(), s.pool, "v", size, o), state, "made smaller")
			return
		}
		data = data[:size]
	}
	s.ok(resizer.Resize(s.Context(), s.pool, "v", size, o))
	v := s.the("v")
	if v.Capacity.Bytes != s.rounded(size) {
		s.Errorf("of %d bytes made %d, it has %d", old, size, v.Capacity.Bytes)
	}
	if o.Allocate && size > old && v.Allocation.Bytes < s.rounded(size)-old {
		s.Errorf("of %d bytes made %d, it has room for %d", old, size, v.Allocation.Bytes)
	}
	s.asDefined(v, s.volume("v"))
	if size <= most {
		s.begins("v", data)
	}
}

// begins fails the test if what a guest sees of a volume does not begin with the data; what is behind has to be zeros but for what
// a size that was rounded up has let stay.
func (s *suite) begins(name string, data []byte) {
	s.Helper()
	disk := s.disk(name)
	behind := min(s.rounded(uint64(len(data))), uint64(len(disk)))
	if !bytes.HasPrefix(disk, data) || !isZero(disk[behind:]) {
		s.Errorf("%d of its bytes were to stay, and zeros to follow", len(data))
	}
}

// unit is what capacities are multiples of.
func (s *suite) unit() uint64 { return max(s.Unit, 1) }

// rounded returns the capacity of a volume that was to have so many bytes.
func (s *suite) rounded(size uint64) uint64 { return (size + s.unit() - 1) / s.unit() * s.unit() }

// resizeFaults lets every change fail by which a volume is made larger and smaller. What it held before stays.
func (s *suite) resizeFaults() {
	s.ready()
	needs[backend.Resizer](s)
	s.create("neighbour")
	s.create("v")
	if !hasData(s.the("v")) {
		s.Skip("there is nothing to resize")
	}
	data := s.fill("v", 1)
	small := s.the("v").Capacity.Bytes
	to := func(size uint64) func(context.Context, backend.Backend) error {
		return func(ctx context.Context, b backend.Backend) error {
			return b.(backend.Resizer).Resize(ctx, s.pool, "v", size, backend.ResizeOptions{Shrink: size == small})
		}
	}
	grow := operation{name: "grow", do: to(2 * small), undo: to(small), final: true, done: func() bool {
		size := s.the("v").Capacity.Bytes
		if size != small && size != s.rounded(2*small) {
			s.Fatalf("it was to have %d or %d bytes, and has %d", small, 2*small, size)
		}
		s.holds("v", data, "resized")
		return size != small
	}}
	for _, op := range []operation{grow, grow.reversed("shrink")} {
		for _, f := range s.faults() {
			s.everyChange(op, f)
		}
		s.ok(op.do(s.Context(), s.b))
	}
}
