package backendtest

import (
	"context"
	"errors"
	"slices"

	"poolctl/backend"
)

// An operation changes something, and another takes that back.
type operation struct {
	name     string
	do, undo func(ctx context.Context, b backend.Backend) error
	done     func() bool // tells whether it has happened, wholly
	pool     bool        // it is one of the pool's, of which a part may be done
	lasts    bool        // taken back, it leaves something: a formatted device. One that dies half-way may then have done it
	final    bool        // it cannot undo itself, so it may have happened in spite of an error; nor can it be taken back without a trace
}

// reversed returns the operation that takes this one back.
func (o operation) reversed(name string) operation {
	return operation{name: name, do: o.undo, undo: o.do, done: func() bool { return !o.done() }, pool: o.pool, final: true}
}

// poolOperations are those by which a pool is built, started, stopped and removed, as far as it can be.
func (s *suite) poolOperations() []operation {
	var forth, back []operation
	if s.comesAndGoes() {
		build := operation{name: "build", done: s.isBuilt, pool: true, lasts: true}
		build.do = func(ctx context.Context, b backend.Backend) error {
			return b.(backend.Builder).Build(ctx, s.pool, s.Build)
		}
		build.undo = func(ctx context.Context, b backend.Backend) error {
			return b.(backend.PoolDeleter).DeletePool(ctx, s.pool)
		}
		forth, back = append(forth, build), append(back, build.reversed("remove"))
	}
	if _, starts := s.b.(backend.Starter); starts {
		start := operation{name: "start", done: s.active, pool: true}
		start.do, start.undo = s.start, s.stop
		forth, back = append(forth, start), append([]operation{start.reversed("stop")}, back...)
	}
	return append(forth, back...)
}

// comesAndGoes tells whether pools can be built and removed.
func (s *suite) comesAndGoes() bool {
	_, builds := s.b.(backend.Builder)
	_, removes := s.b.(backend.PoolDeleter)
	return builds && removes
}

// poolFaults lets every change fail by which a pool is built, started, stopped and removed.
func (s *suite) poolFaults() {
	initial := s.Snapshot(s.T, s.pool)
	for _, op := range s.poolOperations() {
		for _, f := range s.faultsBesideKills() {
			s.everyChange(op, f)
		}
		s.ok(op.do(s.Context(), s.b))
	}
	if s.comesAndGoes() {
		s.same(initial, "built and removed again")
	}
}

// isBuilt tells whether the pool can be started or, where starting changes nothing, is active.
func (s *suite) isBuilt() bool {
	s.Helper()
	if _, starts := s.b.(backend.Starter); starts {
		return s.start(s.Context(), s.b) == nil && s.stop(s.Context(), s.b) == nil
	}
	return s.active()
}

// volumeFaults lets every change fail by which a volume is created and deleted.
func (s *suite) volumeFaults() {
	create := s.making("create")
	for _, op := range []operation{create, create.reversed("delete")} {
		for _, f := range s.faultsBesideKills() {
			s.everyChange(op, f)
		}
		s.ok(op.do(s.Context(), s.b))
	}
}

// making gets the pool ready, with a volume in it that has to stay as it is, and returns the operation that makes another. If it is a
// clone, it has the neighbour's data.
func (s *suite) making(name string) operation {
	s.Helper()
	needs[backend.Creator](s)
	needs[backend.Deleter](s)
	op := operation{name: name, done: s.isCreated}
	if name == "clone" {
		_, data := s.source("neighbour")
		op.done = func() bool {
			made := s.isCreated()
			if made {
				s.holds("v", data, "cloned")
			}
			return made
		}
	} else {
		s.ready()
		s.create("neighbour")
	}
	op.do = func(ctx context.Context, b backend.Backend) error { return makes[name](ctx, s.Options, b, s.pool) }
	op.undo = func(ctx context.Context, b backend.Backend) error {
		return b.(backend.Deleter).Delete(ctx, s.pool, "v")
	}
	s.ok(op.do(s.Context(), s.b))
	s.whole = describe(s.the("v"))
	s.remove("v")
	return op
}

// isCreated tells whether the volume is there. If it is, it has to be whole.
func (s *suite) isCreated() bool {
	s.Helper()
	v, err := s.b.Volume(s.Context(), s.pool, "v")
	if errors.Is(err, backend.ErrNoVolume) {
		if names := s.list(); !slices.Equal(names, []string{"neighbour"}) {
			s.Fatalf("half a volume is listed, or none: %q", names)
		}
		return false
	}
	s.ok(err)
	s.isWhole(v, s.whole)
	return true
}
