package host

import (
	"context"
	"errors"
	"testing"
)

// A countingHost counts its queries and returns their number. The first query fails, and every change fails.
type countingHost struct {
	Host
	queries int
}

func (c *countingHost) Query(context.Context, Command) ([]byte, error) {
	c.queries++
	if c.queries == 1 {
		return nil, errors.New("not yet")
	}
	return []byte{byte(c.queries)}, nil
}

func (c *countingHost) Change(context.Context, Step) error { return errors.New("it has failed") }

// A plainWrapper is a wrapper that knows nothing about caches.
type plainWrapper struct{ Host }

// TestCachedHost repeats queries: an output is cached until a change, even a failed one, or Invalidate.
// Errors are not cached, and queries that are not Cacheable neither read nor fill the cache. Wrappers around
// a CachedHost keep it.
func TestCachedHost(t *testing.T) {
	counting := &countingHost{}
	cached := &CachedHost{Host: counting}
	cacheable := func(args ...string) Command { return Command{Name: "lvs", Args: args, Cacheable: true} }
	query := func(h Host, want byte, c Command) {
		t.Helper()
		out, err := h.Query(t.Context(), c)
		if want > 0 && (err != nil || out[0] != want) || want == 0 && err == nil {
			t.Errorf("Query returned %q, error %v; want %d", out, err, want)
		}
	}
	query(cached, 0, cacheable("a"))
	query(cached, 2, cacheable("a"))
	query(cached, 2, cacheable("a"))
	query(cached, 3, cacheable("b"))
	query(cached, 4, cacheable())
	if err := cached.Change(t.Context(), Sync{}); err == nil {
		t.Error("Change returned no error")
	}
	query(cached, 5, cacheable("a"))
	wrapped := NewDryRun(plainWrapper{cached}, nil)
	query(wrapped, 5, cacheable("a"))
	query(wrapped, 6, Cmd("lvs", "a"))
	query(wrapped, 5, cacheable("a"))
	wrapped.Invalidate()
	query(cached, 7, cacheable("a"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cached.Query(ended, cacheable("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("Query with a cancelled context: error %v", err)
	}
	query(counting, 8, cacheable("a"))
}
