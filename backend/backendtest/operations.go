package backendtest

import (
	"context"
	"errors"
	"slices"

	"poolctl/backend"
)

// An operation changes something, and can be undone by another operation.
type operation struct {
	name         string
	do, undo     func(ctx context.Context, b backend.Backend) error
	done         func() bool // reports whether the operation has happened completely
	pool         bool        // an operation on the pool, which may be partly done
	leavesTrace  bool        // undoing leaves a trace (a formatted device), so done may be true after a crash
	irreversible bool        // cannot be rolled back, so done may be true despite an error
}

// reverse returns the operation that undoes o.
func (o operation) reverse(name string) operation {
	return operation{name: name, do: o.undo, undo: o.do, done: func() bool { return !o.done() }, pool: o.pool,
		irreversible: true}
}

// poolOperations returns the operations that build, start, stop and delete a pool, as far as the backend has
// them.
func (s *suite) poolOperations() []operation {
	var forth, back []operation
	if s.canBuildAndDelete() {
		build := operation{name: "build", done: s.isBuilt, pool: true, leavesTrace: true}
		build.do = func(ctx context.Context, b backend.Backend) error {
			return b.(backend.Builder).Build(ctx, s.pool, s.Build)
		}
		build.undo = func(ctx context.Context, b backend.Backend) error {
			return b.(backend.PoolDeleter).DeletePool(ctx, s.pool)
		}
		forth, back = append(forth, build), append(back, build.reverse("remove"))
	}
	if _, starts := s.b.(backend.Starter); starts {
		start := operation{name: "start", done: s.active, pool: true}
		start.do, start.undo = s.start, s.stop
		forth, back = append(forth, start), append([]operation{start.reverse("stop")}, back...)
	}
	return append(forth, back...)
}

// canBuildAndDelete reports whether pools can be built and deleted.
func (s *suite) canBuildAndDelete() bool {
	_, builds := s.b.(backend.Builder)
	_, removes := s.b.(backend.PoolDeleter)
	return builds && removes
}

// testPoolFaults injects a fault into each change of building, starting, stopping and deleting a pool.
func (s *suite) testPoolFaults() {
	initial := s.Snapshot(s.T, s.pool)
	for _, op := range s.poolOperations() {
		s.failEachChange(op, s.faultsWithoutKills()...)
		s.ok(op.do(s.Context(), s.b))
	}
	if s.canBuildAndDelete() {
		s.checkUnchanged(initial, "after building and deleting the pool")
	}
}

// isBuilt reports whether the pool can be started or, for types whose start changes nothing, is active.
func (s *suite) isBuilt() bool {
	s.Helper()
	if _, starts := s.b.(backend.Starter); starts {
		return s.start(s.Context(), s.b) == nil && s.stop(s.Context(), s.b) == nil
	}
	return s.active()
}

// testVolumeFaults injects a fault into each change of creating and deleting a volume.
func (s *suite) testVolumeFaults() {
	create := s.setUpCreation("create")
	for _, op := range []operation{create, create.reverse("delete")} {
		s.failEachChange(op, s.faultsWithoutKills()...)
		s.ok(op.do(s.Context(), s.b))
	}
}

// setUpCreation sets up the pool, with a volume in it that must not change, and returns the operation that
// creates another volume: empty, or a clone of the first.
func (s *suite) setUpCreation(name string) operation {
	s.Helper()
	requireCapability[backend.Creator](s)
	requireCapability[backend.Deleter](s)
	op := operation{name: name, done: s.isCreated}
	if name == "clone" {
		_, data := s.setUpSource("neighbour")
		op.done = func() bool {
			made := s.isCreated()
			if made {
				s.checkData("v", data, "after cloning")
			}
			return made
		}
	} else {
		s.setUpPool()
		s.create("neighbour")
	}
	op.do = func(ctx context.Context, b backend.Backend) error {
		return creations[name](ctx, s.Options, b, s.pool)
	}
	op.undo = func(ctx context.Context, b backend.Backend) error {
		return b.(backend.Deleter).Delete(ctx, s.pool, "v")
	}
	s.ok(op.do(s.Context(), s.b))
	s.complete = describe(s.lookUp("v"))
	s.remove("v")
	return op
}

// isCreated reports whether the volume exists. An existing volume must be complete.
func (s *suite) isCreated() bool {
	s.Helper()
	v, err := s.b.Volume(s.Context(), s.pool, "v")
	if errors.Is(err, backend.ErrNoVolume) {
		if names := s.list(); !slices.Equal(names, []string{"neighbour"}) {
			s.Fatalf("got volumes %q, want only the neighbour", names)
		}
		return false
	}
	s.ok(err)
	s.checkComplete(v, s.complete)
	return true
}
