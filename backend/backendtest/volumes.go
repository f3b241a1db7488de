package backendtest

import (
	"errors"
	"io/fs"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// testVolumes creates, finds and deletes volumes. A name in use and a volume that does not exist must be
// refused, without any change.
func (s *suite) testVolumes() {
	s.setUpPool()
	creator, deleter := requireCapability[backend.Creator](s), requireCapability[backend.Deleter](s)
	empty := s.state()
	s.checkAbsent("v")
	s.create("v")
	s.create("w")
	both := s.state()
	if names := s.list(); !slices.Equal(names, []string{"v", "w"}) {
		s.Fatalf("got volumes %q", names)
	}
	if err := creator.Create(s.Context(), s.pool, s.defineVolume("v"),
		backend.CreateOptions{}); !errors.Is(err, fs.ErrExist) {
		s.Errorf("name in use: got error %v, want fs.ErrExist", err)
	}
	s.checkUnchanged(both, "name in use")
	s.checkAbsent("x")
	s.ok(deleter.Delete(s.Context(), s.pool, "v"))
	s.checkAbsent("v")
	if names := s.list(); !slices.Equal(names, []string{"w"}) {
		s.Errorf("got volumes %q", names)
	}
	s.create("v") // the name can be used again
	s.remove("w")
	s.remove("v")
	s.checkUnchanged(empty, "after deleting all volumes")
}

// checkAbsent looks up and deletes a volume that does not exist. Nothing may change.
func (s *suite) checkAbsent(name string) {
	s.Helper()
	before := s.state()
	s.checkNotFound(name)
	s.checkNotDeleted(name)
	s.checkUnchanged(before, "look up "+shorten(name))
}

func (s *suite) checkNotFound(name string) {
	s.Helper()
	if v, err := s.b.Volume(s.Context(), s.pool, name); !errors.Is(err, backend.ErrNoVolume) {
		s.Errorf("lookup of the missing volume %q: got %+v, error %v", shorten(name), v, err)
	}
}

func (s *suite) checkNotDeleted(name string) {
	s.Helper()
	if deleter, ok := s.b.(backend.Deleter); ok {
		if err := deleter.Delete(s.Context(), s.pool, name); !errors.Is(err, backend.ErrNoVolume) {
			s.Errorf("deletion of the missing volume %q: got error %v", shorten(name), err)
		}
	}
}

// testSizes creates volumes of all sizes.
func (s *suite) testSizes() {
	s.setUpPool()
	creator := requireCapability[backend.Creator](s)
	for _, size := range s.Sizes {
		s.ok(creator.Create(s.Context(), s.pool, s.Volume("sized", size), backend.CreateOptions{}))
		v, err := s.b.Volume(s.Context(), s.pool, "sized")
		s.ok(err)
		if want := s.roundUp(size); v.Capacity.Bytes != want {
			s.Errorf("size %d: got capacity %d, want %d", size, v.Capacity.Bytes, want)
		}
		s.checkDefinition(v, s.Volume("sized", size))
		s.remove("sized")
	}
}

// checkDefinition compares a volume with its definition, as far as the definition is explicit.
func (s *suite) checkDefinition(v, want *pooldef.Volume) {
	s.Helper()
	if want.Target.Format != "" && v.Target.Format != want.Target.Format {
		s.Errorf("got format %s, want %s", v.Target.Format, want.Target.Format)
	}
	is, wanted := v.Target.Permissions, want.Target.Permissions
	for what, pair := range map[string][2]*uint32{"mode": {is.Mode, wanted.Mode},
		"owner": {is.Owner, wanted.Owner}, "group": {is.Group, wanted.Group}} {
		if pair[0] != nil && pair[1] != nil && *pair[0] != *pair[1] {
			s.Errorf("%s: got %o, want %o", what, *pair[0], *pair[1])
		}
	}
}

// testUnsupported creates volumes that pools of this type do not support.
func (s *suite) testUnsupported() {
	s.setUpPool()
	creator := requireCapability[backend.Creator](s)
	before := s.state()
	for _, v := range s.Unsupported {
		if err := creator.Create(s.Context(), s.pool, v, backend.CreateOptions{}); !isUnsupported(err) {
			s.Errorf("%+v: error %v", *v, err)
		}
		s.checkUnchanged(before, "after unsupported requests")
	}
}
