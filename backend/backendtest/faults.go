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
	before    fault = "fails before taking effect"
	after     fault = "fails after taking effect"
	cancelled fault = "is cancelled"
	dead      fault = "fails, as do all later ones"
)

// faults returns the faults to inject. For slow storage two are enough: "dead" covers a failure before the
// change, and cancellation works the same way for all backends.
func (s *suite) faults() []fault {
	if s.Slow {
		return []fault{after, dead}
	}
	return []fault{before, after, cancelled, dead}
}

// faultsWithoutKills returns the faults to inject into operations that another part runs in processes that it
// kills, which covers "dead".
func (s *suite) faultsWithoutKills() []fault {
	if s.Slow {
		return []fault{after}
	}
	return s.faults()
}

var errFault = errors.New("injected fault")

// A faultyHost makes its nth change fail.
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

// failEachChange runs an operation without a fault, then with each of the faults in each of its changes, and
// finally with a context that is already cancelled. If the operation returns an error, it must have changed
// nothing except leftovers that RemoveStale removes, and must work afterwards. If it returns nil, it must be
// complete.
func (s *suite) failEachChange(op operation, faults ...fault) {
	s.Helper()
	state, changes := s.failChange(op, "", 0, s.state())
	for _, f := range faults {
		for nth := 1; nth <= changes; nth++ {
			state, _ = s.failChange(op, f, nth, state)
		}
	}
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if err := op.do(ctx, s.b); !errors.Is(err, context.Canceled) {
		s.Errorf("%s, cancelled before the start: got error %v", op.name, err)
	}
	s.checkUnchanged(state, op.name+", cancelled before the start")
}

// failChange runs an operation with a fault in its nth change, or without one if nth is 0. It returns the
// state afterwards, and the number of changes.
func (s *suite) failChange(op operation, f fault, nth int, state string) (after string, changes int) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	h := &faultyHost{Host: s.Host, fault: f, nth: nth, cancel: cancel}
	err := op.do(ctx, s.New(h))
	cancel()
	when := op.name
	if nth > 0 {
		when += fmt.Sprintf(", where change %d %s", nth, f)
	}
	if !h.struck || f == cancelled {
		s.checkNoLeftovers(when)
	}
	switch {
	case !h.struck:
		s.ok(err)
	case err != nil && !errors.Is(err, errFault) && !errors.Is(err, context.Canceled):
		s.Fatalf("%s: unexpected error: %v", when, err)
	}
	if err != nil && f == dead && op.leavesTrace && op.done() {
		err = nil
	}
	return s.checkOutcome(op, when, state, err), h.count
}

// checkOutcome checks an operation that returned err: it must be complete or not have happened, it must work
// when repeated, and undoing it must work. checkOutcome returns the state afterwards.
func (s *suite) checkOutcome(op operation, when, state string, err error) string {
	s.Helper()
	done := op.done()
	switch {
	case err == nil && !done:
		s.Fatalf("%s: got no error, but the operation is incomplete", when)
	case err != nil && done && !op.irreversible:
		s.Fatalf("%s: got error %v, but the operation is complete", when, err)
	case !done:
		if op.irreversible {
			s.checkUnchanged(state, when)
		}
		if err := op.do(s.Context(), s.b); err != nil || !op.done() {
			s.Fatalf("%s: repeated without a fault: got error %v", when, err)
		}
	}
	if err := op.undo(s.Context(), s.b); err != nil || op.done() {
		s.Fatalf("%s: undone: got error %v", when, err)
	}
	if op.irreversible {
		return s.state()
	}
	s.checkUnchanged(state, when+", repeated without the fault and undone")
	return state
}
