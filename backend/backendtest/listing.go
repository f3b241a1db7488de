package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// listing lists a pool of several volumes: in order, each once, and the same in every way that there is to look at them.
func (s *suite) listing() {
	s.ready()
	want := s.Existing
	if _, creates := s.b.(backend.Creator); creates {
		for _, name := range []string{"b", "a10", "a9", "B2", "a"} {
			s.create(name)
			want++
		}
	}
	names := s.list()
	if len(names) != want || !slices.IsSortedFunc(names, pooldef.CompareNames) || len(slices.Compact(slices.Clone(names))) != want {
		s.Fatalf("of %d volumes are listed %q", want, names)
	}
	for v, err := range s.b.Volumes(s.Context(), s.pool) {
		s.ok(err)
		s.find(v)
	}
	s.details(names)
	for _, err := range s.b.Volumes(s.Context(), s.pool) { // one is enough
		s.ok(err)
		break
	}
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if len(names) > 0 {
		if v, err := s.b.Volume(ctx, s.pool, names[0]); !errors.Is(err, context.Canceled) {
			s.Errorf("looked for %q, cancelled: %+v, error %v", names[0], v, err)
		}
	}
	var last error
	for _, last = range s.b.Volumes(ctx, s.pool) {
	}
	if !errors.Is(last, context.Canceled) {
		s.Errorf("a listing that was cancelled ends with error %v", last)
	}
}

// find looks for a listed volume in every way.
func (s *suite) find(listed *pooldef.Volume) {
	s.Helper()
	v, err := s.b.Volume(s.Context(), s.pool, listed.Name)
	s.ok(err)
	if v.Name != listed.Name || v.Key != listed.Key || v.Target.Path != listed.Target.Path || v.Key == "" || v.Target.Path == "" || !v.Capacity.Known {
		s.Errorf("listed is %+v, found %+v", *listed, *v)
	}
	locator, ok := s.b.(backend.Locator)
	if !ok {
		return
	}
	for _, place := range []string{v.Key, v.Target.Path} {
		if name, ok := locator.Locate(s.Context(), s.pool, place); name != v.Name || !ok {
			s.Errorf("at %q is found %q, %v; want %q", place, name, ok, v.Name)
		}
	}
	if name, ok := locator.Locate(s.Context(), s.pool, "/nowhere/"+v.Name); ok {
		s.Errorf("in another place is found %q", name)
	}
}

// details compares with what is told of each volume by itself.
func (s *suite) details(names []string) {
	s.Helper()
	detailer, ok := s.b.(backend.DetailLister)
	if !ok {
		return
	}
	var got []string
	for d, err := range detailer.Details(s.Context(), s.pool) {
		s.ok(err)
		s.ok(d.Err)
		got = append(got, d.Name)
		v, err := s.b.Volume(s.Context(), s.pool, d.Name)
		s.ok(err)
		if describe(d) != describe(v) || d.Key != v.Key || d.Target.Path != v.Target.Path || d.Allocation != v.Allocation {
			s.Errorf("details are %+v, by itself it is %+v", *d, *v)
		}
	}
	if !slices.Equal(got, names) {
		s.Errorf("details are of %q, want %q", got, names)
	}
}

// describe prints how a volume is, which is the same for all that were made from the same definition but for the name.
func describe(v *pooldef.Volume) string {
	text := fmt.Sprintf("%s %s capacity %v physical %v", v.Type, v.Target.Format, v.Capacity, v.Physical)
	p := v.Target.Permissions
	if p.Mode != nil && p.Owner != nil && p.Group != nil {
		text += fmt.Sprintf(" mode %04o owner %d:%d", *p.Mode, *p.Owner, *p.Group)
	}
	return text
}
