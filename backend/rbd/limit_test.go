package rbd

import (
	"testing"
	"time"
)

// TestLimit checks that limits are whole seconds: rbd refuses fractions.
func TestLimit(t *testing.T) {
	for timeout, want := range map[time.Duration]string{
		100 * time.Millisecond: "1", 8100 * time.Millisecond: "8", time.Minute: "60",
	} {
		if got := New(nil, nil, timeout).limit(); got != want {
			t.Errorf("%v: %s, not %s", timeout, got, want)
		}
	}
}
