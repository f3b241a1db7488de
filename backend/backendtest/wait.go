package backendtest

import (
	"testing"
	"time"
)

// patience is how long Eventually waits: so long that only something that never comes ends a test, however slow the machine.
const patience = 5 * time.Minute

// Eventually waits until a condition holds, and names it if it does not. Tests wait for what they need by this alone: how long that takes
// is the machine's business.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for begin := time.Now(); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}
