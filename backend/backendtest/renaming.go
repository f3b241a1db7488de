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

// renaming renames volumes: they stay as they are. A name that is taken is refused, a volume that is not there is not found, and
// nothing changes.
func (s *suite) renaming() {
	s.ready()
	renamer := needs[backend.Renamer](s)
	s.create("v")
	s.create("w")
	v, err := s.b.Volume(s.Context(), s.pool, "v")
	s.ok(err)
	s.whole = describe(v)
	before := s.state()
	for _, test := range []struct {
		name, newName string
		want          error
	}{{"v", "w", fs.ErrExist}, {"w", "v", fs.ErrExist}, {"x", "y", backend.ErrNoVolume}, {"x", "v", backend.ErrNoVolume}, {"x", "x", backend.ErrNoVolume}, {"v", "v", nil}} {
		if err := renamer.Rename(s.Context(), s.pool, test.name, test.newName); !errors.Is(err, test.want) {
			s.Errorf("%q to %q: error %v, want %v", test.name, test.newName, err, test.want)
		}
		s.same(before, fmt.Sprintf("renamed %q to %q", test.name, test.newName))
	}
	for _, name := range s.Options.names(true) {
		s.renamed(renamer, name)
	}
	s.same(before, "renamed to all names and back, or refused")
}

// renamed renames a volume to any name, and back, if the name is not refused. A name that is has to be no volume's either.
func (s *suite) renamed(renamer backend.Renamer, name string) {
	s.Helper()
	err := renamer.Rename(s.Context(), s.pool, "v", name)
	switch {
	case err == nil && slices.Contains(s.Refused, name):
		s.Errorf("%q is the name of a volume now, and has to be refused", short(name))
	case err != nil && slices.Contains(s.Allowed, name):
		s.Errorf("%q has to work: %v", short(name), err)
	}
	if err != nil {
		if err := renamer.Rename(s.Context(), s.pool, name, "y"); !errors.Is(err, backend.ErrNoVolume) {
			s.Errorf("%q, which is not there, is renamed: error %v", short(name), err)
		}
		return
	}
	if names := s.list(); !slices.Contains(names, name) || len(names) != 2 {
		s.Errorf("renamed to %q, there are %q", short(name), names)
	}
	v, err := s.b.Volume(s.Context(), s.pool, name)
	s.ok(err)
	s.isWhole(v, s.whole)
	s.ok(renamer.Rename(s.Context(), s.pool, name, "v"))
}

// renamingTogether renames two volumes to one name, and one to two names, at the same time: one of them wins.
func (s *suite) renamingTogether() {
	s.ready()
	renamer := needs[backend.Renamer](s)
	s.create("v")
	s.create("w")
	for _, test := range []struct {
		names [2][2]string
		loser error
	}{{[2][2]string{{"v", "one"}, {"w", "one"}}, fs.ErrExist}, {[2][2]string{{"one", "a"}, {"one", "b"}}, backend.ErrNoVolume}} {
		var won atomic.Int32
		s.atOnce(2, func(n int) {
			err := renamer.Rename(s.Context(), s.pool, test.names[n][0], test.names[n][1])
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, test.loser) {
				s.Errorf("%q at the same time: error %v, want %v", test.names, err, test.loser)
			}
		})
		if names := s.list(); won.Load() != 1 || len(names) != 2 {
			s.Errorf("%q at the same time: %d won, there are %q", test.names, won.Load(), names)
		}
	}
	s.clean("renamed at the same time")
}

// renameFaults lets every change fail by which a volume is renamed.
func (s *suite) renameFaults() {
	needs[backend.Renamer](s)
	s.ready()
	s.create("neighbour")
	s.create("v")
	v, err := s.b.Volume(s.Context(), s.pool, "v")
	s.ok(err)
	s.whole = describe(v)
	to := func(name, newName string) func(context.Context, backend.Backend) error {
		return func(ctx context.Context, b backend.Backend) error {
			return b.(backend.Renamer).Rename(ctx, s.pool, name, newName)
		}
	}
	rename := operation{name: "rename", do: to("v", "w"), undo: to("w", "v"), done: func() bool { return s.isRenamed("v", "w") }}
	for _, f := range s.faults() {
		s.everyChange(rename, f)
	}
}

// isRenamed tells whether a volume has its new name. It must have one of both.
func (s *suite) isRenamed(name, newName string) bool {
	s.Helper()
	names := s.list()
	has := slices.Contains(names, newName)
	if len(names) != 2 || !slices.Contains(names, "neighbour") || has == slices.Contains(names, name) {
		s.Fatalf("renamed from %q to %q, there are %q", name, newName, names)
	}
	if has {
		name = newName
	}
	v, err := s.b.Volume(s.Context(), s.pool, name)
	s.ok(err)
	s.isWhole(v, s.whole)
	return has
}
