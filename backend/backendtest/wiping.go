package backendtest

import (
	"bytes"
	"context"
	"errors"

	"poolctl/backend"
	"poolctl/backend/host"
)

// testWiping wipes volumes. Their size must not change, and no old data may remain.
func (s *suite) testWiping() {
	s.setUpPool()
	wiper := requireCapability[backend.Wiper](s)
	s.create("neighbour")
	s.create("v")
	before := s.state()
	if !hasData(s.lookUp("v")) {
		s.checkUnsupported(wiper.Wipe(s.Context(), s.pool, "v", "zero", nil), before,
			"wipe a volume without data")
		return
	}
	cancelled, cancel := context.WithCancel(s.Context())
	cancel()
	if err := wiper.Wipe(cancelled, s.pool, "v", "zero", nil); !errors.Is(err, context.Canceled) {
		s.Errorf("cancelled before the start: got error %v", err)
	}
	if err := wiper.Wipe(s.Context(), s.pool, "none", "zero", nil); !errors.Is(err, backend.ErrNoVolume) {
		s.Errorf("missing volume: got error %v", err)
	}
	for _, unknown := range []string{"", "none", "-h", "ZERO"} {
		s.checkUnsupported(wiper.Wipe(s.Context(), s.pool, "v", unknown, nil), before,
			"wipe with an unknown algorithm")
	}
	algorithms := []string{"zero", "trim", "random", "bsi"}
	if s.Slow {
		algorithms = algorithms[:3]
	}
	for _, algorithm := range algorithms {
		s.checkWipe(wiper, algorithm)
	}
	for _, size := range s.Sizes {
		s.ok(s.b.(backend.Creator).Create(s.Context(), s.pool, s.Volume("sized", size),
			backend.CreateOptions{}))
		old := s.lookUp("sized")
		s.ok(wiper.Wipe(s.Context(), s.pool, "sized", "zero", nil))
		if v := s.lookUp("sized"); v.Physical != old.Physical ||
			v.Allocation.Bytes > max(old.Allocation.Bytes, (old.Physical.Bytes+4095)/4096*4096) {
			s.Errorf("wiped %+v, got %+v", *old, *v)
		}
		s.remove("sized")
	}
}

// checkWipe wipes a new volume that is full of data. Patterns other than zeros need scrub(1).
func (s *suite) checkWipe(wiper backend.Wiper, algorithm string) {
	s.Helper()
	clears := algorithm == "zero" || algorithm == "trim"
	s.remove("v")
	s.create("v")
	s.fill("v", 1)
	old := s.download("v")
	err := wiper.Wipe(s.Context(), s.pool, "v", algorithm, nil)
	if _, ok := errors.AsType[*host.ToolError](err); ok {
		NotRun(s.T, "wiping by patterns: "+err.Error())
	}
	// Not supported by the file system (NFS before 4.2) or by the pool type.
	if algorithm == "trim" && errors.Is(err, errors.ErrUnsupported) || !clears && isUnsupported(err) {
		s.checkData("v", old, "after a refused wipe")
		return
	}
	s.ok(err)
	s.checkNoLeftovers("after wiping")
	is := s.download("v")
	switch {
	case len(is) != len(old):
		s.Errorf("%s: the size changed from %d to %d bytes", algorithm, len(old), len(is))
	case clears && !isZero(is):
		s.Errorf("%s: the volume is not empty", algorithm)
	}
	for at := 0; at < len(old); at += 512 {
		piece := old[at:min(at+512, len(old))]
		if !isZero(piece) && len(piece) > 16 && bytes.Equal(is[at:at+len(piece)], piece) {
			s.Fatalf("%s: old data remain at offset %d", algorithm, at)
		}
	}
	if algorithm == "zero" && !s.isImage() {
		s.fill("v", 2) // the volume is still usable
	}
}
