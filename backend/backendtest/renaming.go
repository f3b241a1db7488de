package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"

	"poolctl/backend"
)

// testRenaming renames volumes. A volume's properties must not change. A name in use and a volume that does
// not exist must be refused, without any change.
func (s *suite) testRenaming() {
	s.setUpPool()
	renamer := requireCapability[backend.Renamer](s)
	s.create("v")
	s.create("w")
	v, err := s.b.Volume(s.Context(), s.pool, "v")
	s.ok(err)
	s.complete = describe(v)
	before := s.state()
	for _, test := range []struct {
		name, newName string
		want          error
	}{{"v", "w", fs.ErrExist}, {"w", "v", fs.ErrExist}, {"x", "y", backend.ErrNoVolume},
		{"x", "v", backend.ErrNoVolume}, {"x", "x", backend.ErrNoVolume}, {"v", "v", nil}} {
		if err := renamer.Rename(s.Context(), s.pool, test.name, test.newName); !errors.Is(err, test.want) {
			s.Errorf("rename %q to %q: got error %v, want %v", test.name, test.newName, err, test.want)
		}
		s.checkUnchanged(before, fmt.Sprintf("rename %q to %q", test.name, test.newName))
	}
	for _, name := range s.allNames(true) {
		s.checkRename(renamer, name)
	}
	s.checkUnchanged(before, "after renaming to all names and back")
}

// checkRename renames a volume and renames it back. If the name is refused, no volume of that name may be
// found either.
func (s *suite) checkRename(renamer backend.Renamer, name string) {
	s.Helper()
	err := renamer.Rename(s.Context(), s.pool, "v", name)
	switch {
	case err == nil && slices.Contains(s.Refused, name):
		s.Errorf("%q was accepted, want a refusal", shorten(name))
	case err != nil && slices.Contains(s.Allowed, name):
		s.Errorf("%q was refused: %v", shorten(name), err)
	}
	if err != nil {
		if err := renamer.Rename(s.Context(), s.pool, name, "y"); !errors.Is(err, backend.ErrNoVolume) {
			s.Errorf("rename of the missing volume %q: got error %v", shorten(name), err)
		}
		return
	}
	if names := s.list(); !slices.Contains(names, name) || len(names) != 2 {
		s.Errorf("renamed to %q, got volumes %q", shorten(name), names)
	}
	v, err := s.b.Volume(s.Context(), s.pool, name)
	s.ok(err)
	s.checkComplete(v, s.complete)
	s.ok(renamer.Rename(s.Context(), s.pool, name, "v"))
}

// testConcurrentRenaming renames two volumes to the same name, and one volume to two names, concurrently: one
// must succeed.
func (s *suite) testConcurrentRenaming() {
	s.withoutCache()
	s.setUpPool()
	renamer := requireCapability[backend.Renamer](s)
	s.create("v")
	s.create("w")
	for _, test := range []struct {
		names [2][2]string
		loser error
	}{{[2][2]string{{"v", "one"}, {"w", "one"}}, fs.ErrExist},
		{[2][2]string{{"one", "a"}, {"one", "b"}}, backend.ErrNoVolume}} {
		var won atomic.Int32
		s.runConcurrently(2, func(n int) {
			err := renamer.Rename(s.Context(), s.pool, test.names[n][0], test.names[n][1])
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, test.loser) {
				s.Errorf("%q concurrently: got error %v, want %v", test.names, err, test.loser)
			}
		})
		if names := s.list(); won.Load() != 1 || len(names) != 2 {
			s.Errorf("%q concurrently: %d succeeded, volumes are %q", test.names, won.Load(), names)
		}
	}
	s.checkNoLeftovers("after concurrent renaming")
}

// testRenameFaults injects a fault into each change of a rename.
func (s *suite) testRenameFaults() {
	requireCapability[backend.Renamer](s)
	s.setUpPool()
	s.create("neighbour")
	s.create("v")
	v, err := s.b.Volume(s.Context(), s.pool, "v")
	s.ok(err)
	s.complete = describe(v)
	to := func(name, newName string) func(context.Context, backend.Backend) error {
		return func(ctx context.Context, b backend.Backend) error {
			return b.(backend.Renamer).Rename(ctx, s.pool, name, newName)
		}
	}
	rename := operation{name: "rename", do: to("v", "w"), undo: to("w", "v"),
		done: func() bool { return s.isRenamed("v", "w") }}
	s.failEachChange(rename, s.faults()...)
}

// isRenamed reports whether a volume has its new name. It must have exactly one of the two names.
func (s *suite) isRenamed(name, newName string) bool {
	s.Helper()
	names := s.list()
	has := slices.Contains(names, newName)
	if len(names) != 2 || !slices.Contains(names, "neighbour") || has == slices.Contains(names, name) {
		s.Fatalf("renamed %q to %q, got volumes %q", name, newName, names)
	}
	if has {
		name = newName
	}
	v, err := s.b.Volume(s.Context(), s.pool, name)
	s.ok(err)
	s.checkComplete(v, s.complete)
	return has
}
