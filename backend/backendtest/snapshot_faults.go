package backendtest

import (
	"bytes"
	"context"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// snapshotOperations are the operations on snapshots that are tested with faults.
var snapshotOperations = map[string]func(context.Context, Options, backend.Backend, *pooldef.Pool) error{
	"snapshot": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Snapshotter).CreateSnapshot(ctx, p, "v", "one", backend.SnapshotOptions{})
	},
	"delete snapshot": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Snapshotter).DeleteSnapshot(ctx, p, "v", "one")
	},
	"revert": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Reverter).RevertToSnapshot(ctx, p, "v", "one", backend.RevertOptions{})
	},
	"clone snapshot": func(ctx context.Context, o Options, b backend.Backend, p *pooldef.Pool) error {
		source, err := exportVolume(ctx, b, p, "v")
		if err != nil {
			return err
		}
		return b.(backend.SnapshotCloner).CloneSnapshot(
			ctx, p, o.defineClone(source, "c"), source, "one", backend.CloneOptions{From: p},
		)
	},
}

// faultySnapshotOperations sets up the pool and returns the operations.
func (s *suite) faultySnapshotOperations() []operation {
	s.Helper()
	keeper := s.setUpSnapshots()
	do := func(name string) func(context.Context, backend.Backend) error {
		return func(ctx context.Context, b backend.Backend) error {
			return snapshotOperations[name](ctx, s.Options, b, s.pool)
		}
	}
	has := func() bool { return len(s.snapshots("v")) > 0 }
	create := operation{name: "snapshot", do: do("snapshot"), undo: do("delete snapshot"), done: has}
	clone := operation{name: "clone snapshot", do: do("clone snapshot")}
	clone.undo = func(ctx context.Context, b backend.Backend) error {
		return b.(backend.Deleter).Delete(ctx, s.pool, "c")
	}
	first := Pattern(s.lookUp("v").Capacity.Bytes, 1)
	clone.done = func() bool {
		_, err := s.b.Volume(s.Context(), s.pool, "c")
		if err == nil {
			s.checkData("c", first, "after cloning a snapshot")
		}
		return err == nil
	}
	revert := operation{name: "revert", do: do("revert"), irreversible: true}
	revert.done = func() bool { return bytes.HasPrefix(s.guestData("v"), first) }
	revert.undo = func(ctx context.Context, _ backend.Backend) error {
		if !has() { // the revert was interrupted after it had used up the snapshot
			s.ok(keeper.CreateSnapshot(ctx, s.pool, "v", "one", backend.SnapshotOptions{}))
		}
		s.overwrite("v", 2)
		return nil
	}
	all := []operation{create, clone, create.reverse("delete snapshot")}
	if _, reverts := s.b.(backend.Reverter); reverts {
		all = slices.Insert(all, 2, revert)
	}
	return all
}

// testSnapshotFaults injects a fault into each change of creating and deleting a snapshot.
func (s *suite) testSnapshotFaults() { s.failSnapshotOperations("snapshot", "delete snapshot") }

// testSnapshotCloneFaults injects a fault into each change of cloning a snapshot.
func (s *suite) testSnapshotCloneFaults() { s.failSnapshotOperations("clone snapshot") }

// testRevertFaults injects a fault into each change of reverting to a snapshot.
func (s *suite) testRevertFaults() {
	requireCapability[backend.Reverter](s)
	s.failSnapshotOperations("revert")
}

// failSnapshotOperations injects faults into the operations with the names. Most of them have one change, or
// undo theirs as a clone does: one fault is enough.
func (s *suite) failSnapshotOperations(names ...string) {
	s.Helper()
	for _, op := range s.faultySnapshotOperations() {
		faults := []fault{after}
		switch {
		case Exhaustive():
			faults = s.faults()
		case op.name == "revert" && s.Slow:
			faults = []fault{dead}
		case op.name == "revert":
			faults = append(faults, dead)
		}
		if slices.Contains(names, op.name) {
			s.failEachChange(op, faults...)
		}
		s.nextSnapshotOperation(op)
	}
}

// testKilledSnapshots kills processes at each change of those operations that can have several.
func (s *suite) testKilledSnapshots(test string) {
	if !Exhaustive() {
		s.Skip("LEFT OUT without --exhaustive: SnapshotFaults and KilledCloning have the same changes")
	}
	for _, op := range s.faultySnapshotOperations() {
		if op.name == "clone snapshot" || op.name == "revert" {
			s.killDuring(test, op)
		}
		s.nextSnapshotOperation(op)
	}
}

// nextSnapshotOperation prepares the volume for the operation after op.
func (s *suite) nextSnapshotOperation(op operation) {
	s.Helper()
	if op.name == "snapshot" {
		s.ok(op.do(s.Context(), s.b))
		s.overwrite("v", 2)
	}
}
