package retry

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDo checks which errors are repeated.
func TestDo(t *testing.T) {
	for _, test := range []struct {
		errors []error
		want   error
		calls  int
	}{
		{[]error{unix.EINTR, unix.EINTR, nil}, nil, 3},
		{[]error{unix.EBADFD, unix.EINTR, unix.EBADFD, nil}, nil, 4},
		{[]error{unix.EBADF}, unix.EBADF, 1},
		{slices.Repeat([]error{unix.EBADFD}, 200), unix.EBADFD, 101},
	} {
		calls := 0
		err := Do(func() error {
			calls++
			return test.errors[calls-1]
		})
		if !errors.Is(err, test.want) || calls != test.calls {
			t.Errorf("%v: error %v after %d calls, want %v after %d", test.errors, err, calls, test.want, test.calls)
		}
	}
}

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
