package backendtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"poolctl/backend/host"
)

// A fault is a way in which a change of the host fails.
type fault string

// The faults.
const (
	before    fault = "fails before it happens"
	after     fault = "fails after it has happened"
	cancelled fault = "is cancelled"
	dead      fault = "fails, and all that follow"
)

// faults are those that are tried. What dies before a change has failed there, too; that a verb ends when its context does is the same for
// all backends.
func (s *suite) faults() []fault {
	if s.Slow {
		return []fault{after, dead}
	}
	return []fault{before, after, cancelled, dead}
}

// faultsBesideKills are those of operations that another part of the suite does in processes that it kills, which is being dead in earnest.
func (s *suite) faultsBesideKills() []fault {
	if s.Slow {
		return []fault{after}
	}
	return s.faults()
}

var errFault = errors.New("a fault, to see what becomes of it")

// A faultyHost lets its nth change fail.
type faultyHost struct {
	host.Host
	fault  fault
	nth    int
	cancel func()

	mu     sync.Mutex
	count  int
	struck bool
}

// Change implements host.Host.
func (f *faultyHost) Change(ctx context.Context, step host.Step) error {
	f.mu.Lock()
	f.count++
	now, later := f.count == f.nth, f.count > f.nth
	f.struck = f.struck || now
	f.mu.Unlock()
	switch {
	case later && f.fault == dead, now && (f.fault == before || f.fault == dead):
		return errFault
	case now && f.fault == after:
		return errors.Join(errFault, f.Host.Change(ctx, step))
	case now && f.fault == cancelled:
		f.cancel()
	}
	return f.Host.Change(ctx, step)
}

// everyChange does an operation again and again with a fault in its first, second, third change, until it has no more, and then
// with a context that has ended before it begins. If it reports an error it has changed nothing, or nothing that Sweep would
// not remove, and works afterwards; if it reports none it is complete.
func (s *suite) everyChange(op operation, f fault) {
	s.Helper()
	state := s.state()
	for nth := 1; ; nth++ {
		ctx, cancel := context.WithCancel(s.Context())
		h := &faultyHost{Host: s.Host, fault: f, nth: nth, cancel: cancel}
		err := op.do(ctx, s.New(h))
		cancel()
		when := fmt.Sprintf("%s, where change %d %s", op.name, nth, f)
		if !h.struck || f == cancelled {
			s.clean(when)
		}
		switch {
		case !h.struck:
			s.ok(err)
		case err != nil && !errors.Is(err, errFault) && !errors.Is(err, context.Canceled):
			s.Fatalf("%s: another error: %v", when, err)
		}
		if err != nil && f == dead && op.lasts && op.done() {
			err = nil
		}
		state = s.settled(op, when, state, err)
		if !h.struck {
			break
		}
	}
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if err := op.do(ctx, s.b); !errors.Is(err, context.Canceled) {
		s.Errorf("%s, cancelled before it begins: error %v", op.name, err)
	}
	s.same(state, op.name+", cancelled before it begins")
}

// settled checks that an operation that has ended with err is complete or has not happened, and that it works then; and takes it back. It
// returns the state that there is now.
func (s *suite) settled(op operation, when, state string, err error) string {
	s.Helper()
	done := op.done()
	switch {
	case err == nil && !done:
		s.Fatalf("%s: there is no error, but it is not done", when)
	case err != nil && done && !op.final:
		s.Fatalf("%s: there is an error (%v), but it is done", when, err)
	case !done:
		if op.final {
			s.same(state, when)
		}
		if err := op.do(s.Context(), s.b); err != nil || !op.done() {
			s.Fatalf("%s: then, without a fault: error %v", when, err)
		}
	}
	if err := op.undo(s.Context(), s.b); err != nil || op.done() {
		s.Fatalf("%s: taken back: error %v", when, err)
	}
	if op.final {
		return s.state()
	}
	s.same(state, when+", done without it and taken back")
	return state
}
