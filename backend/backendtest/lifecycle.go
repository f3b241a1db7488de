package backendtest

import (
	"reflect"

	"poolctl/backend"
)

// lifecycle takes a pool from nothing to volumes and back: Active tells at each step what was done, and Space has a reason why
// a pool that is not active is not.
func (s *suite) lifecycle() {
	initial := s.Snapshot(s.T, s.pool)
	builder, builds := s.b.(backend.Builder)
	_, starts := s.b.(backend.Starter)
	if builds {
		s.isActive(false, "before it was built")
		s.ok(builder.Build(s.Context(), s.pool, s.Build))
	}
	built := s.Snapshot(s.T, s.pool)
	if starts {
		s.isActive(false, "before it was started")
		s.ok(s.start(s.Context(), s.b))
	}
	s.isActive(true, "when it is ready")
	s.observe()
	if names := s.list(); len(names) != s.Existing {
		s.Errorf("a new pool has the volumes %q, want %d", names, s.Existing)
	}
	if starts {
		s.ok(s.stop(s.Context(), s.b))
		s.isActive(false, "after it was stopped")
		s.same(built, "stopped again")
	}
	remover, removes := s.b.(backend.PoolDeleter)
	if !removes {
		return
	}
	s.ok(remover.DeletePool(s.Context(), s.pool))
	s.isActive(false, "after it was removed")
	if builds {
		s.same(initial, "removed again")
	}
}

// isActive checks Active and Space.
func (s *suite) isActive(want bool, when string) {
	s.Helper()
	if s.active() != want {
		s.Errorf("%s: active is %v", when, !want)
	}
	space, err := s.b.Space(s.Context(), s.pool)
	switch {
	case !want && err == nil:
		s.Errorf("%s: its space is %+v, and should be an error", when, space)
	case want && (err != nil || space.Allocation > space.Capacity || space.Available > space.Capacity):
		s.Errorf("%s: its space is %+v, error %v", when, space, err)
	}
}

// observe checks that what is seen comes back in a copy.
func (s *suite) observe() {
	observer, ok := s.b.(backend.StatusReader)
	if !ok {
		return
	}
	before := *s.pool
	seen, err := observer.ReadStatus(s.Context(), s.pool)
	s.ok(err)
	if !reflect.DeepEqual(before, *s.pool) {
		s.Errorf("observing has changed the definition from %+v to %+v", before, *s.pool)
	}
	if seen.Name != s.pool.Name || seen.UUID != s.pool.UUID || seen.Type != s.pool.Type || seen.Target.Path != s.pool.Target.Path {
		s.Errorf("of %+v is seen %+v", *s.pool, *seen)
	}
}
