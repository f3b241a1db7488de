package backendtest

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// maxChecked is the largest volume, in bytes, whose content is checked completely.
const maxChecked = 16 << 20

// testResizing makes volumes larger and smaller. Their data must remain, and added space must read as zeros.
func (s *suite) testResizing() {
	s.setUpPool()
	resizer := requireCapability[backend.Resizer](s)
	s.create("v")
	small := s.Sizes[0]
	if !hasData(s.lookUp("v")) {
		s.checkUnsupported(resizer.Resize(s.Context(), s.pool, "v", small+1, backend.ResizeOptions{}),
			s.state(), "resize a volume without data")
		return
	}
	for _, size := range s.distinctSizes(2*small, small+s.unit()) {
		if size == 0 && s.isImage() { // qemu-img creates empty images, but does not resize to 0
			continue
		}
		s.checkResize(resizer, size, backend.ResizeOptions{})
		if size <= maxChecked && !s.OnlyGrow && (!s.Slow || size == 2*small) {
			s.checkResize(resizer, size, backend.ResizeOptions{Allocate: true})
		}
	}
	s.checkSameSizes(resizer)
	s.remove("v") // the state of a large volume is all its data
	s.create("v")
	before := s.state()
	if err := resizer.Resize(s.Context(), s.pool, "none", small,
		backend.ResizeOptions{}); !errors.Is(err, backend.ErrNoVolume) {
		s.Errorf("missing volume: got error %v", err)
	}
	s.checkUnchanged(before, "resize a missing volume")
}

// distinctSizes returns the sizes of the options, and others. For slow storage, it omits a size that is
// rounded up to the same capacity as an earlier one.
func (s *suite) distinctSizes(others ...uint64) (sizes []uint64) {
	seen := map[uint64]bool{}
	for _, size := range slices.Concat(s.Sizes, others) {
		if !s.Slow || !seen[s.roundUp(size)] {
			sizes = append(sizes, size)
		}
		seen[s.roundUp(size)] = true
	}
	return sizes
}

// checkSameSizes creates volumes of all sizes, and an encrypted one, and resizes each to the size that was
// requested, and to that size rounded up. Both succeed, and a dry run shows that neither changes anything.
func (s *suite) checkSameSizes(resizer backend.Resizer) {
	s.Helper()
	for _, size := range s.Sizes {
		s.checkSameSize(resizer, s.Volume("v", size))
	}
	if s.Passphrase != "" {
		QuickKeys(s.T)
		v := s.Volume("v", s.Sizes[len(s.Sizes)-1]) // one, because it takes seconds
		v.Target.Encryption = LUKS(s.Passphrase)
		s.checkSameSize(resizer, v)
	}
}

func (s *suite) checkSameSize(resizer backend.Resizer, d *pooldef.Volume) {
	s.Helper()
	size := d.Capacity.Bytes
	s.remove("v")
	s.ok(requireCapability[backend.Creator](s).Create(s.Context(), s.pool, d, backend.CreateOptions{}))
	old := s.lookUp("v")
	for _, same := range []uint64{size, s.roundUp(size)} {
		var steps bytes.Buffer
		rehearsal := s.New(host.NewDryRun(s.Host, &steps)).(backend.Resizer)
		s.ok(rehearsal.Resize(s.Context(), s.pool, "v", same, backend.ResizeOptions{}))
		if steps.Len() > 0 {
			s.Errorf("created with %d bytes, resized to %d: got changes\n%s", size, same, &steps)
		}
		s.ok(resizer.Resize(s.Context(), s.pool, "v", same, backend.ResizeOptions{}))
		if v := s.lookUp("v"); v.Capacity != old.Capacity || v.Allocation != old.Allocation {
			s.Errorf("created with %d bytes, resized to %d: got %+v, want %+v", size, same, *v, *old)
		}
	}
}

// checkResize creates a volume full of data and resizes it.
func (s *suite) checkResize(resizer backend.Resizer, size uint64, o backend.ResizeOptions) {
	s.Helper()
	s.remove("v")
	s.create("v")
	data := s.fill("v", 1)
	old := s.lookUp("v").Capacity.Bytes
	if s.roundUp(size) < old {
		state := s.state()
		s.checkRefused(resizer.Resize(s.Context(), s.pool, "v", size, o), state, "shrink without permission")
		o.Shrink = true
		if s.OnlyGrow {
			s.checkUnsupported(resizer.Resize(s.Context(), s.pool, "v", size, o), state, "shrink")
			return
		}
		data = data[:size]
	}
	s.ok(resizer.Resize(s.Context(), s.pool, "v", size, o))
	v := s.lookUp("v")
	if v.Capacity.Bytes != s.roundUp(size) {
		s.Errorf("resized from %d bytes to %d, got capacity %d", old, size, v.Capacity.Bytes)
	}
	if o.Allocate && size > old && v.Allocation.Bytes < s.roundUp(size)-old {
		s.Errorf("resized from %d bytes to %d, got allocation %d", old, size, v.Allocation.Bytes)
	}
	s.checkDefinition(v, s.defineVolume("v"))
	if size <= maxChecked {
		s.checkPrefix("v", data)
	}
}

// checkPrefix fails the test unless a guest sees the data at the start of a volume, followed by zeros.
// Between the two there may be old data, up to the rounded size.
func (s *suite) checkPrefix(name string, data []byte) {
	s.Helper()
	disk := s.guestData(name)
	behind := min(s.roundUp(uint64(len(data))), uint64(len(disk)))
	if !bytes.HasPrefix(disk, data) || !isZero(disk[behind:]) {
		s.Errorf("want %d bytes of old data, followed by zeros", len(data))
	}
}

// unit returns the number of which capacities are multiples.
func (s *suite) unit() uint64 { return max(s.Unit, 1) }

// roundUp returns the capacity of a volume that is created with a size.
func (s *suite) roundUp(size uint64) uint64 { return (size + s.unit() - 1) / s.unit() * s.unit() }

// testResizeFaults injects a fault into each change of growing and shrinking a volume. The data must remain.
func (s *suite) testResizeFaults() {
	s.setUpPool()
	requireCapability[backend.Resizer](s)
	s.create("neighbour")
	s.create("v")
	if !hasData(s.lookUp("v")) {
		s.Skip("volumes of this type have no data")
	}
	data := s.fill("v", 1)
	small := s.lookUp("v").Capacity.Bytes
	to := func(size uint64) func(context.Context, backend.Backend) error {
		return func(ctx context.Context, b backend.Backend) error {
			return b.(backend.Resizer).Resize(ctx, s.pool, "v", size,
				backend.ResizeOptions{Shrink: size == small})
		}
	}
	grow := operation{name: "grow", do: to(2 * small), undo: to(small), irreversible: true}
	grow.done = func() bool {
		size := s.lookUp("v").Capacity.Bytes
		if size != small && size != s.roundUp(2*small) {
			s.Fatalf("want capacity %d or %d, got %d", small, 2*small, size)
		}
		s.checkData("v", data, "after resizing")
		return size != small
	}
	for _, op := range []operation{grow, grow.reverse("shrink")} {
		s.failEachChange(op, s.faults()...)
		s.ok(op.do(s.Context(), s.b))
	}
}
