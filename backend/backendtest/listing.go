package backendtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"poolctl/backend"
	"poolctl/pooldef"
)

// testListing lists a pool with several volumes. The list must be sorted, without duplicates, and consistent
// with all other ways to look at a volume.
func (s *suite) testListing() {
	s.setUpPool()
	want := s.Existing
	if _, creates := s.b.(backend.Creator); creates {
		for _, name := range []string{"b", "a10", "a9", "B2", "a"} {
			s.create(name)
			want++
		}
	}
	names := s.list()
	if len(names) != want || !slices.IsSortedFunc(names, pooldef.CompareNames) ||
		len(slices.Compact(slices.Clone(names))) != want {
		s.Fatalf("want %d volumes in order, got %q", want, names)
	}
	for v, err := range s.b.Volumes(s.Context(), s.pool) {
		s.ok(err)
		s.checkLookups(v)
	}
	s.checkNames(names)
	s.checkDetails(names)
	for _, err := range s.b.Volumes(s.Context(), s.pool) { // a caller may stop after one volume
		s.ok(err)
		break
	}
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if len(names) > 0 {
		if v, err := s.b.Volume(ctx, s.pool, names[0]); !errors.Is(err, context.Canceled) {
			s.Errorf("cancelled lookup of %q: got %+v, error %v", names[0], v, err)
		}
	}
	var last error
	for _, last = range s.b.Volumes(ctx, s.pool) {
	}
	if !errors.Is(last, context.Canceled) {
		s.Errorf("cancelled listing: got error %v", last)
	}
}

// checkLookups looks up a listed volume in every way.
func (s *suite) checkLookups(listed *pooldef.Volume) {
	s.Helper()
	v, err := s.b.Volume(s.Context(), s.pool, listed.Name)
	s.ok(err)
	if v.Name != listed.Name || v.Key != listed.Key || v.Target.Path != listed.Target.Path || v.Key == "" ||
		v.Target.Path == "" || !v.Capacity.Known {
		s.Errorf("listed %+v, looked up %+v", *listed, *v)
	}
	locator, ok := s.b.(backend.Locator)
	if !ok {
		return
	}
	for _, place := range []string{v.Key, v.Target.Path} {
		if name, ok := locator.Locate(s.Context(), s.pool, place); name != v.Name || !ok {
			s.Errorf("locate %q: got %q, %v; want %q", place, name, ok, v.Name)
		}
	}
	if name, ok := locator.Locate(s.Context(), s.pool, "/nowhere/"+v.Name); ok {
		s.Errorf("locate elsewhere: got %q", name)
	}
}

// checkNames checks a listing of names alone.
func (s *suite) checkNames(names []string) {
	s.Helper()
	lister, ok := s.b.(backend.NameLister)
	if !ok {
		return
	}
	var got []string
	for v, err := range lister.Names(s.Context(), s.pool) {
		s.ok(err)
		if v.Key == "" || filepath.Base(v.Target.Path) != v.Name {
			s.Errorf("listed %+v", *v)
		}
		got = append(got, v.Name)
	}
	if !slices.Equal(got, names) {
		s.Errorf("got the names %q, want %q", got, names)
	}
}

// checkDetails compares the listing of details with the details of each single volume.
func (s *suite) checkDetails(names []string) {
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
		if describe(d) != describe(v) || d.Key != v.Key || d.Target.Path != v.Target.Path ||
			d.Allocation != v.Allocation {
			s.Errorf("got details %+v, single lookup %+v", *d, *v)
		}
	}
	if !slices.Equal(got, names) {
		s.Errorf("got details of %q, want %q", got, names)
	}
}

// describe describes a volume by everything that the definition determines, except the name.
func describe(v *pooldef.Volume) string {
	text := fmt.Sprintf("%s %s capacity %v physical %v", v.Type, v.Target.Format, v.Capacity, v.Physical)
	p := v.Target.Permissions
	if p.Mode != nil && p.Owner != nil && p.Group != nil {
		text += fmt.Sprintf(" mode %04o owner %d:%d", *p.Mode, *p.Owner, *p.Group)
	}
	return text
}
