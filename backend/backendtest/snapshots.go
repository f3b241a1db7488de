package backendtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	kinds "poolctl/backend/fault"
	"poolctl/pooldef"
)

// setUpSnapshots sets up the pool with the volume v, full of data, and a neighbour. If volumes of this kind
// cannot have snapshots, creating one must be refused; the test ends there.
func (s *suite) setUpSnapshots() backend.Snapshotter {
	s.Helper()
	keeper := requireCapability[backend.Snapshotter](s)
	requireCapability[backend.Creator](s)
	s.setUpPool()
	s.create("neighbour")
	s.create("v")
	err := keeper.CreateSnapshot(s.Context(), s.pool, "v", "probe", backend.SnapshotOptions{})
	if kinds.Of(err) == kinds.Unsupported {
		s.Skip(err)
	}
	s.ok(err)
	s.ok(keeper.DeleteSnapshot(s.Context(), s.pool, "v", "probe"))
	if s.lookUp("v").Target.Encryption != nil {
		s.Skip("only poolctl can write into these volumes")
	}
	s.overwrite("v", 1)
	s.Snapshot = func(t *testing.T, _ *pooldef.Pool) string { return s.snapshotState(t) }
	return keeper
}

// snapshotState prints the volumes with their data, and the snapshots. Storage itself need not be the same
// after a snapshot is created and deleted.
func (s *suite) snapshotState(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, name := range s.list() {
		if !strings.Contains(name, ":") { // a snapshot
			sum := sha256.Sum256(bytes.TrimRight(s.guestData(name), "\x00"))
			fmt.Fprintf(&b, "%s %v %x\n", name, s.lookUp(name).Capacity, sum)
		}
	}
	for _, one := range s.snapshots("") {
		fmt.Fprintf(&b, "%s@%s %v\n", one.Volume, one.Name, one.Capacity)
	}
	return b.String()
}

// overwrite fills a volume with a pattern, as a guest does: snapshots inside an image stay.
func (s *suite) overwrite(name string, seed byte) []byte {
	s.Helper()
	if !s.isImage() {
		return s.fill(name, seed)
	}
	v, err := exportVolume(s.Context(), s.b, s.pool, name)
	s.ok(err)
	data := Pattern(v.Capacity.Bytes, seed)
	from := s.openFile(data, 0).Name()
	out, err := exec.Command(
		"qemu-img", "convert", "-n", "-f", "raw", "-O", v.Target.Format, from, v.Target.Path,
	).CombinedOutput()
	if err != nil {
		s.Fatalf("%v: %s", err, out)
	}
	return data
}

// snapshots returns the snapshots of a volume, or of all if volume is empty.
func (s *suite) snapshots(volume string) []*pooldef.Snapshot {
	s.Helper()
	all, err := s.b.(backend.Snapshotter).Snapshots(s.Context(), s.pool, volume)
	s.ok(err)
	backend.SortSnapshots(all)
	return all
}

// checkSnapshots fails the test unless a volume has these snapshots, oldest first, and only that volume has
// any.
func (s *suite) checkSnapshots(volume, want, when string) {
	s.Helper()
	for _, of := range []string{volume, ""} {
		var names []string
		for _, one := range s.snapshots(of) {
			names = append(names, one.Name)
			if old := time.Since(one.Created); one.Volume != volume || !one.Created.IsZero() && old > time.Hour {
				s.Errorf("%s: got %+v", when, *one)
			}
			if size := s.lookUp(volume).Capacity; one.Capacity.Known && one.Capacity != size {
				s.Errorf("%s: got capacity %v, want %v", when, one.Capacity, size)
			}
		}
		if got := strings.Join(names, " "); got != want {
			s.Fatalf("%s: got snapshots %q of %q, want %q", when, got, of, want)
		}
	}
}

// testSnapshots creates snapshots, clones them, reverts to them, and deletes them.
func (s *suite) testSnapshots() {
	keeper := s.setUpSnapshots()
	none := s.state()
	create := func(volume, name string) error {
		return keeper.CreateSnapshot(s.Context(), s.pool, volume, name, backend.SnapshotOptions{})
	}
	s.ok(create("v", "one"))
	s.overwrite("v", 2)
	s.checkSnapshots("v", "one", "after creating one")
	s.ok(create("v", "two"))
	s.checkSnapshots("v", "one two", "after creating another")
	second := s.state()
	if err := create("v", "one"); !errors.Is(err, fs.ErrExist) {
		s.Errorf("name in use: got error %v", err)
	}
	s.checkMissingSnapshots(keeper)
	s.checkUnchanged(second, "after refusals")
	s.checkSnapshotClone(keeper)
	s.checkUnchanged(second, "after cloning a snapshot and deleting the clone")
	s.checkRevert(keeper)
	s.ok(keeper.DeleteSnapshot(s.Context(), s.pool, "v", "one"))
	for _, left := range s.snapshots("v") {
		s.ok(keeper.DeleteSnapshot(s.Context(), s.pool, "v", left.Name))
	}
	s.checkUnchanged(none, "after deleting all snapshots")
	s.checkSnapshotNames(keeper)
	s.checkNoLeftovers("after all snapshots")
}

// checkMissingSnapshots names volumes and snapshots that do not exist.
func (s *suite) checkMissingSnapshots(keeper backend.Snapshotter) {
	s.Helper()
	ctx, p, source := s.Context(), s.pool, s.lookUp("v")
	_, err := keeper.Snapshots(ctx, p, "nosuch")
	for what, err := range map[string]error{
		"list":   err,
		"create": keeper.CreateSnapshot(ctx, p, "nosuch", "one", backend.SnapshotOptions{}),
		"delete": keeper.DeleteSnapshot(ctx, p, "nosuch", "one"),
		"revert": keeper.RevertToSnapshot(ctx, p, "nosuch", "one", backend.RevertOptions{}),
	} {
		if !errors.Is(err, backend.ErrNoVolume) {
			s.Errorf("%s, without the volume: got error %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"delete": keeper.DeleteSnapshot(ctx, p, "v", "nosuch"),
		"revert": keeper.RevertToSnapshot(ctx, p, "v", "nosuch", backend.RevertOptions{}),
		"clone":  keeper.CloneSnapshot(ctx, p, s.defineClone(source, "c"), source, "nosuch", s.cloneOptions(p)),
	} {
		if !errors.Is(err, backend.ErrNoSnapshot) {
			s.Errorf("%s, without the snapshot: got error %v", what, err)
		}
	}
}

// checkSnapshotClone clones a snapshot. The clone must be independent of the volume.
func (s *suite) checkSnapshotClone(keeper backend.Snapshotter) {
	s.Helper()
	clone := func(name string) error {
		source, err := exportVolume(s.Context(), s.b, s.pool, "v")
		s.ok(err)
		return keeper.CloneSnapshot(
			s.Context(), s.pool, s.defineClone(source, name), source, "one", backend.CloneOptions{From: s.pool},
		)
	}
	if err := clone("v"); !errors.Is(err, fs.ErrExist) {
		s.Errorf("clone to a name in use: got error %v", err)
	}
	s.ok(clone("c"))
	s.checkNoLeftovers("after cloning a snapshot")
	size := s.lookUp("v").Capacity.Bytes
	s.checkData("c", Pattern(size, 1), "a clone of the snapshot")
	s.overwrite("c", 3)
	s.checkData("v", Pattern(size, 2), "after writing to the clone")
	s.remove("c")
}

// checkRevert reverts a volume to its first snapshot, twice.
func (s *suite) checkRevert(keeper backend.Snapshotter) {
	s.Helper()
	state, data := s.state(), Pattern(s.lookUp("v").Capacity.Bytes, 1)
	revert := func(o backend.RevertOptions) error {
		err := keeper.RevertToSnapshot(s.Context(), s.pool, "v", "one", o)
		if errors.As(err, new(*backend.Warning)) {
			return nil
		}
		return err
	}
	if s.RevertDestroys {
		s.checkRefused(revert(backend.RevertOptions{}), state, "revert that destroys a later snapshot")
	}
	s.ok(revert(backend.RevertOptions{DestroyLater: s.RevertDestroys}))
	s.checkData("v", data, "after reverting")
	s.overwrite("v", 3)
	s.ok(revert(backend.RevertOptions{}))
	s.checkData("v", data, "after reverting again")
}

// checkSnapshotNames creates snapshots with difficult names. Each must be refused, or be listed and deleted.
func (s *suite) checkSnapshotNames(keeper backend.Snapshotter) {
	s.Helper()
	before := s.state()
	for _, name := range []string{
		"7", "a.b", "a+b", "A_b-1", strings.Repeat("n", 100), "poolctl-x", "snapshot1", "x_tdata", ":x",
	} {
		if keeper.CreateSnapshot(s.Context(), s.pool, "v", name, backend.SnapshotOptions{}) == nil {
			s.checkSnapshots("v", name, "created with a difficult name")
			s.ok(keeper.DeleteSnapshot(s.Context(), s.pool, "v", name))
		}
		s.checkUnchanged(before, "snapshot "+shorten(name))
	}
}

// snapshotOperations are the operations on snapshots that are tested with faults.
var snapshotOperations = map[string]func(context.Context, Options, backend.Backend, *pooldef.Pool) error{
	"snapshot": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Snapshotter).CreateSnapshot(ctx, p, "v", "one", backend.SnapshotOptions{})
	},
	"delete snapshot": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Snapshotter).DeleteSnapshot(ctx, p, "v", "one")
	},
	"revert": func(ctx context.Context, _ Options, b backend.Backend, p *pooldef.Pool) error {
		return b.(backend.Snapshotter).RevertToSnapshot(ctx, p, "v", "one", backend.RevertOptions{})
	},
	"clone snapshot": func(ctx context.Context, o Options, b backend.Backend, p *pooldef.Pool) error {
		source, err := exportVolume(ctx, b, p, "v")
		if err != nil {
			return err
		}
		return b.(backend.Snapshotter).CloneSnapshot(
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
	return []operation{create, clone, revert, create.reverse("delete snapshot")}
}

// testSnapshotFaults injects a fault into each change of creating, cloning, reverting to and deleting a
// snapshot. Most operations have one change, and clones undo theirs as in testCloneFaults: two faults are
// enough.
func (s *suite) testSnapshotFaults() {
	for _, op := range s.faultySnapshotOperations() {
		faults := []fault{after, dead}
		switch {
		case Exhaustive():
			faults = s.faults()
		case op.name == "clone snapshot":
			faults = faults[:1]
		}
		for _, f := range faults {
			s.failEachChange(op, f)
		}
		s.nextSnapshotOperation(op)
	}
}

// testKilledSnapshots kills processes at each change of those operations that can have several.
func (s *suite) testKilledSnapshots(test string) {
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
