package host

import (
	"context"
	"errors"
	"testing"
)

// A counter counts what it is asked, and fails at first.
type counter struct {
	Host
	asked int
}

func (c *counter) Query(context.Context, Command) ([]byte, error) {
	c.asked++
	if c.asked == 1 {
		return nil, errors.New("not yet")
	}
	return []byte{byte(c.asked)}, nil
}

func (c *counter) Change(context.Context, Step) error { return errors.New("it has failed") }

// TestOnce asks the same several times: an answer holds until something is changed, even if that fails; an error does not hold.
func TestOnce(t *testing.T) {
	c := &counter{}
	once := &Once{Host: c}
	ask := func(want byte, args ...string) {
		t.Helper()
		if out, err := Ask(t.Context(), once, Cmd("lvs", args...)); want > 0 && (err != nil || out[0] != want) || want == 0 && err == nil {
			t.Errorf("%q, error %v; want %d", out, err, want)
		}
	}
	ask(0, "a")
	ask(2, "a")
	ask(2, "a")
	ask(3, "b")
	ask(4)
	if err := once.Change(t.Context(), Sync{}); err == nil {
		t.Error("no error")
	}
	ask(5, "a")
	if out, err := Ask(t.Context(), NewDryRun(once, nil), Cmd("lvs", "a")); err != nil || out[0] != 5 {
		t.Errorf("in a rehearsal: %q, error %v", out, err)
	}
	Forget(NewDryRun(once, nil))
	ask(6, "a")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ask(ended, once, Cmd("lvs", "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if out, err := Ask(t.Context(), c, Cmd("lvs", "a")); err != nil || out[0] != 7 {
		t.Errorf("without a Once: %q, error %v", out, err)
	}
}
