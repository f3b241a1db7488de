package backendtest

import (
	"testing"
	"time"
)

// patience limits Eventually. It is so long that only a condition that never holds fails a test, however slow
// the machine is.
const patience = 5 * time.Minute

// Eventually waits until a condition holds, and fails the test with its name if it never does. Tests wait
// only by calling Eventually, never for a fixed duration.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for begin := time.Now(); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("still not true after %v: %s", patience, what)
		}
	}
}
