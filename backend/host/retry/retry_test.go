package retry

import (
	"os"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWithoutSignals checks which signals the kernel holds back for the thread, during a call and after it.
func TestWithoutSignals(t *testing.T) {
	blocked := regexp.MustCompile(`SigBlk:\t([0-9a-f]+)`)
	heldBack := func() string {
		status, err := os.ReadFile("/proc/thread-self/status")
		if err != nil {
			t.Fatal(err)
		}
		return string(blocked.FindSubmatch(status)[1])
	}
	before := heldBack()
	err := withoutSignals(func() error {
		if got := heldBack(); got != "fffffffffffbfeff" { // all but SIGKILL, SIGSTOP
			t.Errorf("during the call: signals %s are held back", got)
		}
		return unix.EBUSY
	})
	if err != unix.EBUSY { //nolint:errorlint // the same error, not one that wraps it
		t.Errorf("got error %v", err)
	}
	if got := heldBack(); got != before {
		t.Errorf("afterwards: signals %s are held back, before %s", got, before)
	}
}
