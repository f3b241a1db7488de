package host

import (
	"context"
	"errors"
	"os"
	"reflect"
	"testing"
	"unsafe"
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

// A slowHost answers the command "slow" when told to.
type slowHost struct {
	countingHost
	asked, answer chan struct{}
}

func (s *slowHost) Query(_ context.Context, c Command) ([]byte, error) {
	if c.Name == "slow" {
		s.asked <- struct{}{}
		<-s.answer
	}
	return []byte(c.Name), nil
}

// TestCachedHostWaits checks that a query, and Invalidate, do not wait for another query, and that two equal
// queries run once.
func TestCachedHostWaits(t *testing.T) {
	slow := &slowHost{asked: make(chan struct{}), answer: make(chan struct{})}
	cached := &CachedHost{Host: slow}
	got := make(chan string)
	query := func() {
		out, _ := cached.Query(context.Background(), Command{Name: "slow", Cacheable: true})
		got <- string(out)
	}
	go query()
	<-slow.asked
	go query() // it would block in asked if it ran again
	if out, err := cached.Query(t.Context(), Command{Name: "fast", Cacheable: true}); string(out) != "fast" ||
		err != nil {
		t.Errorf("got %q, error %v", out, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cached.Query(ended, Command{Name: "slow", Cacheable: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("wait with a cancelled context: error %v", err)
	}
	close(slow.answer)
	for range 2 {
		if out := <-got; out != "slow" {
			t.Errorf("got %q", out)
		}
	}
}

// TestCachedHostFields runs a cacheable command, then the same command with one field changed, for each field
// that Command has: the second reaches the wrapped host.
func TestCachedHostFields(t *testing.T) {
	for field := range reflect.TypeFor[Command]().Fields() {
		counting := &countingHost{queries: 1}
		cached := &CachedHost{Host: counting}
		c := Command{Cacheable: true}
		first, _ := cached.Query(t.Context(), c)
		changed := reflect.ValueOf(&c).Elem().FieldByIndex(field.Index)
		changed = reflect.NewAt(field.Type, unsafe.Pointer(changed.UnsafeAddr())).Elem() // also if unexported
		changed.Set(otherThan(t, changed))
		if again, _ := cached.Query(t.Context(), c); string(again) == string(first) {
			t.Errorf("the output of a command with another %s was returned", field.Name)
		}
	}
}

// otherThan returns another value of the type of a field.
func otherThan(t *testing.T, field reflect.Value) reflect.Value {
	t.Helper()
	switch is := field.Interface().(type) {
	case string:
		return reflect.ValueOf(is + "x")
	case bool:
		return reflect.ValueOf(!is)
	case int:
		return reflect.ValueOf(is + 1)
	case []string:
		return reflect.ValueOf(append(is, "x"))
	case []Input:
		return reflect.ValueOf(append(is, Input{Data: []byte("x")}))
	case []*os.File:
		return reflect.ValueOf(append(is, os.Stdin))
	case *os.File:
		return reflect.ValueOf(os.Stdin)
	case *Confinement:
		return reflect.ValueOf(&Confinement{})
	case func([]byte):
		return reflect.ValueOf(func([]byte) {})
	}
	t.Fatalf("no other value of type %s", field.Type())
	return field
}
