package backendtest

import (
	"bytes"
	"context"
	"errors"

	"poolctl/backend"
	"poolctl/backend/host"
)

// wiping wipes volumes. They keep their size, and nothing is left of what they held.
func (s *suite) wiping() {
	s.ready()
	wiper := needs[backend.Wiper](s)
	s.create("neighbour")
	s.create("v")
	before := s.state()
	if !hasData(s.the("v")) {
		s.refuses(wiper.Wipe(s.Context(), s.pool, "v", "zero", nil), before, "wiped what has no data")
		return
	}
	cancelled, cancel := context.WithCancel(s.Context())
	cancel()
	if err := wiper.Wipe(cancelled, s.pool, "v", "zero", nil); !errors.Is(err, context.Canceled) {
		s.Errorf("cancelled before it begins: error %v", err)
	}
	if err := wiper.Wipe(s.Context(), s.pool, "none", "zero", nil); !errors.Is(err, backend.ErrNoVolume) {
		s.Errorf("one that is not there: error %v", err)
	}
	for _, unknown := range []string{"", "none", "-h", "ZERO"} {
		s.refuses(wiper.Wipe(s.Context(), s.pool, "v", unknown, nil), before, "wiped by an unknown algorithm")
	}
	for _, algorithm := range []string{"zero", "trim", "random", "bsi"} {
		s.wiped(wiper, algorithm)
	}
	for _, size := range s.Sizes {
		s.ok(s.b.(backend.Creator).Create(s.Context(), s.pool, s.Volume("sized", size), backend.CreateOptions{}))
		old := s.the("sized")
		s.ok(wiper.Wipe(s.Context(), s.pool, "sized", "zero", nil))
		if v := s.the("sized"); v.Physical != old.Physical || v.Allocation.Bytes > max(old.Allocation.Bytes, (old.Physical.Bytes+4095)/4096*4096) {
			s.Errorf("%+v was wiped, and is %+v", *old, *v)
		}
		s.remove("sized")
	}
}

// wiped wipes a new volume that is full of data. What does more than zeros, scrub does.
func (s *suite) wiped(wiper backend.Wiper, algorithm string) {
	s.Helper()
	clears := algorithm == "zero" || algorithm == "trim"
	s.remove("v")
	s.create("v")
	s.fill("v", 1)
	old := s.download("v")
	err := wiper.Wipe(s.Context(), s.pool, "v", algorithm, nil)
	if missing := (*host.ToolError)(nil); errors.As(err, &missing) {
		NotRun(s.T, "wiping by patterns: "+err.Error())
	}
	if algorithm == "trim" && errors.Is(err, errors.ErrUnsupported) || !clears && isUnsupported(err) { // by the file system, as NFS before 4.2; by the type
		s.holds("v", old, "not wiped")
		return
	}
	s.ok(err)
	s.clean("wiped")
	is := s.download("v")
	switch {
	case len(is) != len(old):
		s.Errorf("%s: it had %d bytes, and has %d", algorithm, len(old), len(is))
	case clears && !isZero(is):
		s.Errorf("%s: it is not empty", algorithm)
	}
	for at := 0; at < len(old); at += 512 {
		piece := old[at:min(at+512, len(old))]
		if !isZero(piece) && len(piece) > 16 && bytes.Equal(is[at:at+len(piece)], piece) {
			s.Fatalf("%s: what was at %d is there still", algorithm, at)
		}
	}
	if algorithm == "zero" && !s.isImage() {
		s.fill("v", 2) // it can be used
	}
}
