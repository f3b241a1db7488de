package backendtest

import (
	"errors"
	"io/fs"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// volumes creates, finds and deletes. A name that is taken is refused, one that is not there is not found, and nothing changes.
func (s *suite) volumes() {
	s.ready()
	creator, deleter := needs[backend.Creator](s), needs[backend.Deleter](s)
	empty := s.state()
	s.absent("v")
	s.create("v")
	s.create("w")
	both := s.state()
	if names := s.list(); !slices.Equal(names, []string{"v", "w"}) {
		s.Fatalf("there are %q", names)
	}
	if err := creator.Create(s.Context(), s.pool, s.volume("v"), backend.CreateOptions{}); !errors.Is(err, fs.ErrExist) {
		s.Errorf("a name that is taken: error %v", err)
	}
	s.same(both, "a name that is taken")
	s.absent("x")
	s.ok(deleter.Delete(s.Context(), s.pool, "v"))
	s.absent("v")
	if names := s.list(); !slices.Equal(names, []string{"w"}) {
		s.Errorf("there are %q", names)
	}
	s.create("v") // a name can be used again
	s.remove("w")
	s.remove("v")
	s.same(empty, "all volumes deleted")
}

// absent looks for a volume that is not there, and tries to delete it.
func (s *suite) absent(name string) {
	s.Helper()
	before := s.state()
	s.isAbsent(name)
	s.same(before, "looked for "+short(name))
}

func (s *suite) isAbsent(name string) {
	s.Helper()
	if v, err := s.b.Volume(s.Context(), s.pool, name); !errors.Is(err, backend.ErrNoVolume) {
		s.Errorf("%q is not there, but found: %+v, error %v", short(name), v, err)
	}
	if deleter, ok := s.b.(backend.Deleter); ok {
		if err := deleter.Delete(s.Context(), s.pool, name); !errors.Is(err, backend.ErrNoVolume) {
			s.Errorf("%q is not there, but deleted: error %v", short(name), err)
		}
	}
}

// sizes makes volumes of all sizes.
func (s *suite) sizes() {
	s.ready()
	creator := needs[backend.Creator](s)
	for _, size := range s.Sizes {
		s.ok(creator.Create(s.Context(), s.pool, s.Volume("sized", size), backend.CreateOptions{}))
		v, err := s.b.Volume(s.Context(), s.pool, "sized")
		s.ok(err)
		if want := s.rounded(size); v.Capacity.Bytes != want {
			s.Errorf("of %d bytes were made %d, want %d", size, v.Capacity.Bytes, want)
		}
		s.asDefined(v, s.Volume("sized", size))
		s.remove("sized")
	}
}

// asDefined compares a volume with its definition, as far as that says something.
func (s *suite) asDefined(v, want *pooldef.Volume) {
	s.Helper()
	if want.Target.Format != "" && v.Target.Format != want.Target.Format {
		s.Errorf("its format is %s, want %s", v.Target.Format, want.Target.Format)
	}
	is, wanted := v.Target.Permissions, want.Target.Permissions
	for what, pair := range map[string][2]*uint32{"mode": {is.Mode, wanted.Mode}, "owner": {is.Owner, wanted.Owner}, "group": {is.Group, wanted.Group}} {
		if pair[0] != nil && pair[1] != nil && *pair[0] != *pair[1] {
			s.Errorf("its %s is %o, want %o", what, *pair[0], *pair[1])
		}
	}
}

// unsupported asks for what pools of this type cannot have.
func (s *suite) unsupported() {
	s.ready()
	creator := needs[backend.Creator](s)
	before := s.state()
	for _, v := range s.Unsupported {
		if err := creator.Create(s.Context(), s.pool, v, backend.CreateOptions{}); !isUnsupported(err) {
			s.Errorf("%+v: error %v", *v, err)
		}
		s.same(before, "refused what is not supported")
	}
}
