package backendtest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	kinds "poolctl/backend/fault"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// setUpSnapshots sets up the pool with the volume v, full of data. If volumes of this kind cannot have
// snapshots, creating one must be refused; the test ends there.
func (s *suite) setUpSnapshots() backend.Snapshotter {
	s.Helper()
	keeper := requireCapability[backend.Snapshotter](s)
	requireCapability[backend.Creator](s)
	s.setUpPool()
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
	if !s.SeesSnapshots {
		s.Snapshot = func(t *testing.T, _ *pooldef.Pool) string { return s.snapshotState(t) }
	}
	return keeper
}

// snapshotState removes leftovers and prints the volumes with their data, and the snapshots. Storage itself
// need not be the same after a snapshot is created and deleted.
func (s *suite) snapshotState(t *testing.T) string {
	t.Helper()
	s.removeStale()
	var b strings.Builder
	snapshots := s.snapshots("")
	for v, err := range s.details() {
		s.ok(err)
		isSnapshot := func(one *pooldef.Snapshot) bool {
			return v.Name == one.Name || v.Name == one.Volume+":"+one.Name
		}
		if !slices.ContainsFunc(snapshots, isSnapshot) {
			sum := sha256.Sum256(bytes.TrimRight(s.guestData(v.Name), "\x00"))
			fmt.Fprintf(&b, "%s %v %x\n", v.Name, v.Capacity, sum)
		}
	}
	for _, one := range snapshots {
		fmt.Fprintf(&b, "%s@%s %v\n", one.Volume, one.Name, one.Capacity)
	}
	return b.String()
}

// overwrite fills a volume with a pattern, as a guest does: snapshots inside an image stay.
func (s *suite) overwrite(name string, seed byte) {
	s.Helper()
	if !s.isImage() {
		s.fill(name, seed)
		return
	}
	v, err := exportVolume(s.Context(), s.b, s.pool, name)
	s.ok(err)
	from := s.openFile(Pattern(v.Capacity.Bytes, seed), 0).Name()
	Change(s.T, host.Cmd("qemu-img", "convert", "-n", "-f", "raw", "-O", v.Target.Format, from, v.Target.Path))
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
	s.checkSnapshotClone()
	s.checkUnchanged(second, "after cloning a snapshot and deleting the clone")
	s.checkRevert()
	s.ok(keeper.DeleteSnapshot(s.Context(), s.pool, "v", "one"))
	for _, left := range s.snapshots("v") {
		s.ok(keeper.DeleteSnapshot(s.Context(), s.pool, "v", left.Name))
	}
	if slices.Contains(s.list(), "two") { // LVM has forgotten of which thin volume it was a snapshot
		s.remove("two")
	}
	s.checkUnchanged(none, "after deleting all snapshots")
	s.checkSnapshotNames(keeper)
	s.checkNoLeftovers("after all snapshots")
}

// checkMissingSnapshots names volumes and snapshots that do not exist.
func (s *suite) checkMissingSnapshots(keeper backend.Snapshotter) {
	s.Helper()
	ctx, p := s.Context(), s.pool
	source, err := exportVolume(ctx, s.b, p, "v")
	s.ok(err)
	revert := func(volume, name string) error {
		if _, reverts := s.b.(backend.Reverter); !reverts {
			_, err := keeper.Snapshots(ctx, p, volume)
			return cmp.Or(err, backend.NoSnapshot(volume, name))
		}
		return s.b.(backend.Reverter).RevertToSnapshot(ctx, p, volume, name, backend.RevertOptions{})
	}
	_, err = keeper.Snapshots(ctx, p, "nosuch")
	for what, err := range map[string]error{
		"list":   err,
		"create": keeper.CreateSnapshot(ctx, p, "nosuch", "one", backend.SnapshotOptions{}),
		"delete": keeper.DeleteSnapshot(ctx, p, "nosuch", "one"),
		"revert": revert("nosuch", "one"),
	} {
		if !errors.Is(err, backend.ErrNoVolume) {
			s.Errorf("%s, without the volume: got error %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"delete": keeper.DeleteSnapshot(ctx, p, "v", "nosuch"),
		"revert": revert("v", "nosuch"),
		"clone": s.b.(backend.SnapshotCloner).CloneSnapshot(
			ctx, p, s.defineClone(source, "c"), source, "nosuch", s.cloneOptions(p),
		),
	} {
		if !errors.Is(err, backend.ErrNoSnapshot) {
			s.Errorf("%s, without the snapshot: got error %v", what, err)
		}
	}
}

// checkSnapshotClone clones a snapshot. The clone must be independent of the volume.
func (s *suite) checkSnapshotClone() {
	s.Helper()
	clone := func(name string) error {
		source, err := exportVolume(s.Context(), s.b, s.pool, "v")
		s.ok(err)
		return s.b.(backend.SnapshotCloner).CloneSnapshot(
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
func (s *suite) checkRevert() {
	s.Helper()
	reverter, reverts := s.b.(backend.Reverter)
	if !reverts {
		s.overwrite("v", 1)
		return
	}
	state, data := s.state(), Pattern(s.lookUp("v").Capacity.Bytes, 1)
	revert := func(o backend.RevertOptions) error {
		err := reverter.RevertToSnapshot(s.Context(), s.pool, "v", "one", o)
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
	before, names := s.state(), []string{"7", strings.Repeat("n", 100), "poolctl-x", "x_tdata"}
	if !s.Slow {
		names = append(names, "a.b", "a+b", "A_b-1", "snapshot1", ":x")
	}
	for _, name := range names {
		if keeper.CreateSnapshot(s.Context(), s.pool, "v", name, backend.SnapshotOptions{}) == nil {
			s.checkSnapshots("v", name, "created with a difficult name")
			s.ok(keeper.DeleteSnapshot(s.Context(), s.pool, "v", name))
		}
	}
	s.checkUnchanged(before, "after snapshots with difficult names")
}
