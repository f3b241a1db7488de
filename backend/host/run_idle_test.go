package host

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestEndIfIdle checks that an idle command is ended, and a busy one is not.
func TestEndIfIdle(t *testing.T) {
	l, fifo := &Local{IdleLimit: 300 * time.Millisecond}, t.TempDir()+"/fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(script string) error {
		c := Cmd("sh", "-c", script, "sh", fifo)
		c.EndIfIdle = true
		return soon(t, script, func() error { return l.Change(t.Context(), c) })
	}
	for _, script := range []string{"read x <$1", "sleep 100 & wait"} {
		if err := run(script); !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "sh: it made no progress for 300ms") {
			t.Errorf("%s: error %v", script, err)
		}
	}
	for _, script := range []string{"n=0; while [ $n -lt 200000 ]; do n=$((n+1)); done",
		"(for n in 1 2 3 4 5 6 7 8; do sleep 0.1; done) & wait", ":"} {
		if err := run(script); err != nil {
			t.Errorf("%s: error %v", script, err)
		}
	}
}
