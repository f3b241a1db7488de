package backendtest

import (
	"reflect"

	"poolctl/backend"
)

// testLifecycle builds, starts, stops and deletes a pool. Active must match at each step, and Space must
// return an error while the pool is not active.
func (s *suite) testLifecycle() {
	if checker, ok := s.b.(backend.DefinitionChecker); ok {
		s.ok(checker.CheckDefinition(s.pool))
	}
	initial := s.Snapshot(s.T, s.pool)
	builder, builds := s.b.(backend.Builder)
	_, starts := s.b.(backend.Starter)
	if builds {
		s.checkActive(false, "before building")
		s.ok(builder.Build(s.Context(), s.pool, s.Build))
	}
	built := s.Snapshot(s.T, s.pool)
	if builds {
		s.buildAgain(builder, built)
	}
	if starts {
		s.checkActive(false, "before starting")
		s.ok(s.start(s.Context(), s.b))
	}
	s.checkActive(true, "after starting")
	s.checkStatus()
	if names := s.list(); len(names) != s.Existing {
		s.Errorf("a new pool has volumes %q, want %d", names, s.Existing)
	}
	if starts {
		s.ok(s.stop(s.Context(), s.b))
		s.checkActive(false, "after stopping")
		s.checkUnchanged(built, "after stopping")
	}
	if builds {
		s.buildAgain(builder, built)
	}
	remover, removes := s.b.(backend.PoolDeleter)
	if !removes {
		return
	}
	s.ok(remover.DeletePool(s.Context(), s.pool))
	s.checkActive(false, "after deleting the pool")
	if builds {
		s.checkUnchanged(initial, "after deleting the pool")
	}
}

// buildAgain builds what is built, which changes nothing.
func (s *suite) buildAgain(builder backend.Builder, built string) {
	s.Helper()
	again := backend.BuildOptions{NoOverwrite: s.Build.Overwrite || s.Build.NoOverwrite, IfMissing: true}
	s.ok(builder.Build(s.Context(), s.pool, again))
	s.checkUnchanged(built, "after building what is built")
}

// checkActive checks Active and Space.
func (s *suite) checkActive(want bool, when string) {
	s.Helper()
	if s.active() != want {
		s.Errorf("%s: got active %v", when, !want)
	}
	space, err := s.b.Space(s.Context(), s.pool)
	switch {
	case !want && err == nil:
		s.Errorf("%s: got space %+v, want an error", when, space)
	case want && (err != nil || space.Allocation > space.Capacity || space.Available > space.Capacity):
		s.Errorf("%s: got space %+v, error %v", when, space, err)
	}
}

// checkStatus checks that ReadStatus returns a copy of the definition.
func (s *suite) checkStatus() {
	observer, ok := s.b.(backend.StatusReader)
	if !ok {
		return
	}
	before := *s.pool
	seen, err := observer.ReadStatus(s.Context(), s.pool)
	s.ok(err)
	if !reflect.DeepEqual(before, *s.pool) {
		s.Errorf("ReadStatus changed the definition from %+v to %+v", before, *s.pool)
	}
	if seen.Name != s.pool.Name || seen.UUID != s.pool.UUID || seen.Type != s.pool.Type ||
		seen.Target.Path != s.pool.Target.Path {
		s.Errorf("definition %+v, status %+v", *s.pool, *seen)
	}
}
