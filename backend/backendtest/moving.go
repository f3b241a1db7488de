package backendtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A move moves the volume v from a pool to another one.
type move struct {
	name     string
	from, to *pooldef.Pool
	data     []byte
	state    string // of the suite's pool before each move
}

// testMoving moves a volume, with a fault in each change, and in processes that are killed at each change.
// For slow storage, it leaves out the changes that copy the volume: they are those of a clone. The first
// change may hold the volume.
func (s *suite) testMoving(test string) {
	s.eachMove(func(m *move) {
		changes, compared := s.failMove(m, "", 0)
		for nth := 1; nth <= changes; nth++ {
			if s.Slow && nth > 1 && nth < compared {
				continue
			}
			for _, f := range s.faultsWithoutKills() {
				s.failMove(m, f, nth)
			}
			if nth > 1 || !s.Slow {
				s.killMove(test, m, nth)
			}
		}
	})
}

// killMove kills a process at the nth change of a move. The volume must then be complete in one of the pools
// or in both.
func (s *suite) killMove(test string, m *move, nth int) {
	s.Helper()
	for _, after := range []bool{false, true} {
		if after && s.Slow {
			continue
		}
		killed := s.runUntilKilled(test, crashPlan{
			Operation: "move", Pool: m.from, Target: m.to, Nth: nth, After: after,
		})
		from, to := s.has(m.from, m), s.has(m.to, m)
		if !killed || !from && !to {
			s.Fatalf("%s, killed at change %d (after it: %v): from %v, to %v", m.name, nth, after, from, to)
		}
		s.resetMove(m, from)
	}
}

// eachMove calls test with each kind of move: from a directory on another file system, into one, and within
// the storage if it has a sibling. For slow storage, it calls test only with the last of these. Before each
// call, the volume is in its pool.
func (s *suite) eachMove(test func(m *move)) {
	s.setUpPool()
	files := &pooldef.Pool{Type: pooldef.Dir, Name: "files"}
	shm, err := os.MkdirTemp("/dev/shm", "poolctl-test-")
	s.ok(err)
	s.Cleanup(func() { _ = os.RemoveAll(shm) }) //nolint:forbidigo // the test's own
	files.Target.Path = shm
	all := []*move{{name: "in", from: files, to: s.pool}, {name: "out", from: s.pool, to: files}}
	if s.Sibling != nil {
		all = append(all, &move{name: "within", from: s.pool, to: s.Sibling(s.T, s.pool)})
	}
	if s.Slow {
		all = all[len(all)-1:]
	}
	for _, m := range all {
		m.data = Pattern(s.roundUp(s.Sizes[0]), 1)
		s.resetMove(m, false)
		test(m)
		s.clear(m.from)
		s.clear(m.to)
	}
}

// resetMove deletes the copy and the leftovers of a move, and puts the volume into its pool, unless it is
// there. The pool must then be as it was before the move.
func (s *suite) resetMove(m *move, isThere bool) {
	s.Helper()
	s.clear(m.to)
	switch {
	case isThere && s.isFiles(m.from):
	case isThere:
		s.removeStale()
	case s.isFiles(m.from):
		path := filepath.Join(m.from.Target.Path, "v")
		s.ok(os.WriteFile(path, m.data, 0o600)) //nolint:forbidigo // the test's own
	default:
		s.removeStale()
		s.create("v")
		s.upload("v", m.data)
	}
	if isThere || s.isFiles(m.from) && m.state != "" {
		s.checkUnchanged(m.state, m.name+", undone")
	}
	m.state = s.Snapshot(s.T, s.pool)
}

// isFiles reports whether p is the directory on another file system.
func (s *suite) isFiles(p *pooldef.Pool) bool { return p.Name == "files" }

// clear deletes the volume v of a pool, if it exists, and leftovers.
func (s *suite) clear(p *pooldef.Pool) {
	s.Helper()
	if s.isFiles(p) {
		entries, err := os.ReadDir(p.Target.Path)
		s.ok(err)
		for _, e := range entries {
			s.ok(os.RemoveAll(filepath.Join(p.Target.Path, e.Name()))) //nolint:forbidigo // the test's own
		}
		return
	}
	if b, ok := s.b.(backend.StaleRemover); ok {
		_, err := b.RemoveStale(s.Context(), p)
		s.ok(err)
	}
	err := s.b.(backend.Deleter).Delete(s.Context(), p, "v")
	if err != nil && !errors.Is(err, backend.ErrNoVolume) {
		s.Fatal(err)
	}
}

// has reports whether a pool has the volume of a move, which must be complete.
func (s *suite) has(p *pooldef.Pool, m *move) bool {
	s.Helper()
	if s.isFiles(p) {
		data, err := os.ReadFile(filepath.Join(p.Target.Path, "v"))
		if err == nil && string(data) != string(m.data) {
			s.Fatalf("%s: the volume in the directory is not complete", m.name)
		}
		return err == nil
	}
	in := *s
	in.pool = p
	_, err := s.b.Volume(s.Context(), p, "v")
	if errors.Is(err, backend.ErrNoVolume) {
		return false
	}
	s.ok(err)
	in.checkData("v", m.data, m.name)
	return true
}

// failMove moves the volume with a fault in the nth change, or without one if nth is 0, and then puts the
// volume back. It returns the number of changes, and which one compares the volume with its copy; 0: none.
// After an error, the volume must be in its pool, and a copy may be left only if it was the deletion that
// failed.
func (s *suite) failMove(m *move, f fault, nth int) (changes, compared int) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	h := &faultyHost{Host: s.Host, fault: f, nth: nth, cancel: cancel}
	counter := &compareCounter{Host: h}
	err := s.Move(ctx, counter, s.New, m.from, m.to)
	when := fmt.Sprintf("%s, where change %d %s: error %v", m.name, nth, f, err)
	if !h.struck || f == cancelled {
		s.checkNoLeftovers(when)
	}
	from, to := s.has(m.from, m), s.has(m.to, m)
	isDeletion := nth > counter.at && (counter.at > 0 || nth == h.count)
	switch {
	case err == nil && (from || !to), !h.struck && err != nil:
		s.Fatalf("%s: from %v, to %v", when, from, to)
	case err != nil && !errors.Is(err, errFault) && !errors.Is(err, context.Canceled):
		s.Fatal(when)
	case err != nil && !from && (!to || !isDeletion):
		s.Fatalf("%s: the volume is lost", when)
	case err != nil && to && !isDeletion && f != dead:
		s.Fatalf("%s: the copy is left", when)
	}
	s.resetMove(m, from)
	return h.count, counter.at
}

// A compareCounter is a host that notes which change compares a volume with its copy.
type compareCounter struct {
	host.Host
	count, at int
}

// Change implements host.Host.
func (c *compareCounter) Change(ctx context.Context, step host.Step) error {
	c.count++
	if _, compares := step.(host.Gate); compares {
		c.at = c.count
	}
	return c.Host.Change(ctx, step)
}
