package backendtest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"poolctl/backend"
	"poolctl/pooldef"
)

// together makes volumes at the same time: of one name only one, of many names all. Who lists meanwhile sees whole ones only,
// and no error.
func (s *suite) together() {
	s.ready()
	creator := needs[backend.Creator](s)
	var made atomic.Int32
	s.atOnce(4, func(int) {
		switch err := creator.Create(s.Context(), s.pool, s.volume("same"), backend.CreateOptions{}); {
		case err == nil:
			made.Add(1)
		case !errors.Is(err, fs.ErrExist):
			s.Errorf("the same name at the same time: error %v", err)
		}
	})
	if names := s.list(); made.Load() != 1 || !slices.Equal(names, []string{"same"}) {
		s.Fatalf("the same name was made %d times: %q", made.Load(), names)
	}
	model, err := s.b.Volume(s.Context(), s.pool, "same")
	s.ok(err)
	whole := describe(model)
	const many = 16
	s.atOnce(many+1, func(n int) {
		if n == many {
			for range 2 * many {
				s.sees(whole)
			}
			return
		}
		if err := creator.Create(s.Context(), s.pool, s.volume(fmt.Sprint(n)), backend.CreateOptions{}); err != nil {
			s.Errorf("another name at the same time: error %v", err)
		}
	})
	s.clean("created many at once")
	if names := s.list(); len(names) != many+1 {
		s.Errorf("of %d volumes are listed %q", many+1, names)
	}
	if deleter, ok := s.b.(backend.Deleter); ok {
		s.atOnce(many, func(n int) {
			if err := deleter.Delete(s.Context(), s.pool, fmt.Sprint(n)); err != nil {
				s.Errorf("deleted at the same time: %v", err)
			}
			s.sees(whole)
		})
	}
}

func (s *suite) atOnce(n int, do func(n int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(i) })
	}
	group.Wait()
}

// sees lists, while volumes come and go.
func (s *suite) sees(whole string) {
	list := s.b.Volumes
	if detailer, ok := s.b.(backend.DetailLister); ok {
		list = detailer.Details
	}
	for v, err := range list(s.Context(), s.pool) {
		if err != nil {
			s.Errorf("listed meanwhile: %v", err)
			return
		}
		s.isWhole(v, whole)
	}
}

// isWhole checks that a volume, if it has details, is as those that are finished.
func (s *suite) isWhole(v *pooldef.Volume, whole string) {
	s.Helper()
	if v.Err != nil {
		s.Errorf("volume %q: %v", v.Name, v.Err)
	} else if got := describe(v); v.Capacity.Known && got != whole {
		s.Errorf("volume %q is %s, want %s", v.Name, got, whole)
	}
}
