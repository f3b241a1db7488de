package backendtest

import (
	"bytes"
	"context"
	"errors"

	"poolctl/backend"
)

// testTrimming trims a volume half of which is zeros. Its data must not change, and it must not occupy more
// space than before.
func (s *suite) testTrimming() {
	s.setUpPool()
	trimmer := requireCapability[backend.Trimmer](s)
	s.create("v")
	before := s.state()
	if !hasData(s.lookUp("v")) {
		s.checkUnsupported(trimmer.Trim(s.Context(), s.pool, "v", nil), before, "trim a volume without data")
		return
	}
	if err := trimmer.Trim(s.Context(), s.pool, "none", nil); !errors.Is(err, backend.ErrNoVolume) {
		s.Errorf("missing volume: got error %v", err)
	}
	data := Pattern(s.lookUp("v").Capacity.Bytes, 1)
	clear(data[len(data)/4 : len(data)*3/4])
	image := data
	if s.Encode != nil {
		image = s.Encode(s.T, s.lookUp("v").Target.Format, data)
	}
	s.upload("v", image)
	full, old := s.lookUp("v"), s.download("v")
	cancelled, cancel := context.WithCancel(s.Context())
	cancel()
	if err := trimmer.Trim(cancelled, s.pool, "v", nil); err == nil {
		s.Error("cancelled before the start: got no error")
	}
	err := trimmer.Trim(s.Context(), s.pool, "v", nil)
	if !errors.Is(err, errors.ErrUnsupported) && !isUnsupported(err) { // by the file system, or a thick volume
		s.ok(err)
	}
	s.checkNoLeftovers("after trimming")
	if !bytes.Equal(s.download("v"), old) {
		s.Error("the data have changed")
	}
	if is := s.lookUp("v"); is.Allocation.Bytes > full.Allocation.Bytes {
		s.Errorf("the allocation grew from %d to %d bytes", full.Allocation.Bytes, is.Allocation.Bytes)
	}
}
