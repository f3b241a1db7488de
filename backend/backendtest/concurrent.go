package backendtest

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"poolctl/backend"
	"poolctl/pooldef"
)

// testConcurrentCreation creates volumes concurrently: of several with the same name exactly one must
// succeed, with different names all. Listings in the meantime must succeed and contain only complete volumes.
func (s *suite) testConcurrentCreation() {
	s.withoutCache()
	s.setUpPool()
	creator := requireCapability[backend.Creator](s)
	var made atomic.Int32
	s.runConcurrently(4, func(int) {
		switch err := creator.Create(s.Context(), s.pool, s.defineVolume("same"), backend.CreateOptions{}); {
		case err == nil:
			made.Add(1)
		case !errors.Is(err, fs.ErrExist):
			s.Errorf("same name, concurrently: got error %v, want fs.ErrExist", err)
		}
	})
	if names := s.list(); made.Load() != 1 || !slices.Equal(names, []string{"same"}) {
		s.Fatalf("same name, concurrently: %d operations succeeded, volumes are %q", made.Load(), names)
	}
	model, err := s.b.Volume(s.Context(), s.pool, "same")
	s.ok(err)
	whole := describe(model)
	many := 16
	if s.Slow {
		many = 5
	}
	s.runConcurrently(many+1, func(n int) {
		if n == many {
			for range 2 * many {
				s.listWhileChanging(whole)
			}
			return
		}
		if err := creator.Create(s.Context(), s.pool, s.defineVolume(fmt.Sprint(n)),
			backend.CreateOptions{}); err != nil {
			s.Errorf("different names, concurrently: error %v", err)
		}
	})
	s.checkNoLeftovers("after concurrent creation")
	if names := s.list(); len(names) != many+1 {
		s.Errorf("want %d volumes in order, got %q", many+1, names)
	}
	if deleter, ok := s.b.(backend.Deleter); ok {
		s.runConcurrently(many, func(n int) {
			if err := deleter.Delete(s.Context(), s.pool, fmt.Sprint(n)); err != nil {
				s.Errorf("concurrent deletion: %v", err)
			}
			s.listWhileChanging(whole)
		})
	}
}

func (s *suite) runConcurrently(n int, do func(n int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(i) })
	}
	group.Wait()
}

// listWhileChanging lists the volumes while others create and delete volumes.
func (s *suite) listWhileChanging(whole string) {
	for v, err := range s.details() {
		if err != nil {
			s.Errorf("concurrent listing: %v", err)
			return
		}
		s.checkComplete(v, whole)
	}
}

// details lists the volumes with their details, if the backend can list these.
func (s *suite) details() iter.Seq2[*pooldef.Volume, error] {
	if detailer, ok := s.b.(backend.DetailLister); ok {
		return detailer.Details(s.Context(), s.pool)
	}
	return s.b.Volumes(s.Context(), s.pool)
}

// checkComplete checks that a volume, if it has details, matches the description of a complete volume.
func (s *suite) checkComplete(v *pooldef.Volume, whole string) {
	s.Helper()
	if v.Err != nil {
		s.Errorf("volume %q: %v", v.Name, v.Err)
	} else if got := describe(v); v.Capacity.Known && got != whole {
		s.Errorf("volume %q: got %s, want %s", v.Name, got, whole)
	}
}
