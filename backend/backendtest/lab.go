package backendtest

import (
	"os"
	"testing"
)

// NeedsLab ends a test outside of the lab, which POOLCTL_LAB tells of: a machine of the test's own, where it may change all that it likes.
func NeedsLab(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("POOLCTL_LAB") == "" {
		NotRun(t, what+": it needs the lab")
	}
}
