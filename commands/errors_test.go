package commands

import (
	"fmt"
	"testing"

	"poolctl/backend"
)

// TestTimeoutStatus checks the exit status for storage that does not answer.
func TestTimeoutStatus(t *testing.T) {
	if got := status(fmt.Errorf("pool: %w", &backend.TimeoutError{Text: "x"})); got != statusLocked {
		t.Errorf("got status %d, want %d", got, statusLocked)
	}
}
