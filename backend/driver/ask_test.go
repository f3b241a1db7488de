package driver

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"poolctl/backend"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// TestAsk runs three queries at once, two of which never return: all must run before any returns.
func TestAsk(t *testing.T) {
	t.Parallel()
	p := &pooldef.Pool{Name: "p"}
	var asked sync.WaitGroup
	asked.Add(3)
	errs := InParallel([]bool{true, false, true}, func(hangs bool) error {
		timeout := time.Hour
		if hangs {
			timeout = time.Millisecond
		}
		_, err := ask(t.Context(), &Driver{Timeout: timeout}, p, func() (bool, error) {
			asked.Done()
			asked.Wait()
			if hangs {
				select {}
			}
			return true, nil
		})
		return err
	})
	for i, err := range errs {
		hung := i != 1
		isTimeout := errors.As(err, new(*backend.TimeoutError)) && errors.Is(err, context.DeadlineExceeded)
		if isTimeout != hung || !hung && err != nil {
			t.Errorf("%d: error %v", i, err)
		}
	}
}

// TestInParts has an item that takes an hour: the others do not wait for it, and are in order.
func TestInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const silence = time.Second
		waits := []time.Duration{silence / 2, time.Hour, 0, silence, time.Hour + silence/2}
		var parts [][]int
		wait := func(n int) int { time.Sleep(waits[n]); return n }
		for part := range InParts([]int{0, 1, 2, 3, 4}, silence, wait) {
			parts = append(parts, part)
		}
		if want := [][]int{{0, 2, 3}, {1, 4}}; !reflect.DeepEqual(parts, want) {
			t.Errorf("got %v, want %v", parts, want)
		}
	})
}

// A slowBackend answers whether the pool "slow" is active only when the size of another pool was queried.
type slowBackend struct {
	fakeBackend
	sized chan string // the names of pools whose size was queried
}

func (b *slowBackend) Active(_ context.Context, p *pooldef.Pool) (bool, error) {
	if p.Name == "slow" {
		b.sized <- <-b.sized
	}
	return true, nil
}

func (b *slowBackend) Space(_ context.Context, p *pooldef.Pool) (pooldef.Space, error) {
	b.sized <- p.Name
	return pooldef.Space{}, nil
}

// TestStatuses queries the size of one pool while another has not answered whether it is active, and no size
// that is not selected: otherwise a verb waits twice for servers that do not answer.
func TestStatuses(t *testing.T) {
	t.Parallel()
	b := &slowBackend{sized: make(chan string, 3)}
	d := &Driver{Backends: map[pooldef.Type]backend.Backend{"dir": b}, Timeout: time.Hour}
	var entries []*store.Entry
	for _, name := range []string{"slow", "other", "unsized"} {
		p := &pooldef.Pool{Name: name, Type: "dir"}
		entries = append(entries, &store.Entry{Name: name, Persistent: p, Started: p})
	}
	isSized := func(s *Status) bool { return s.Entry.Name != "unsized" }
	for _, s := range d.Statuses(t.Context(), entries, isSized) {
		if !s.Active || s.Err != nil {
			t.Errorf("%s: got active %v, error %v", s.Entry.Name, s.Active, s.Err)
		}
	}
	names := []string{<-b.sized, <-b.sized}
	if slices.Sort(names); !slices.Equal(names, []string{"other", "slow"}) {
		t.Errorf("the sizes of %q were queried", names)
	}
	if d.Statuses(t.Context(), entries[2:], nil); len(b.sized) > 0 {
		t.Error("a size was queried without a selection")
	}
}
