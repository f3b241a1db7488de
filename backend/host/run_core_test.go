package host

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNoCoreDumps(t *testing.T) {
	var before, after unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: before.Max, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	NoCoreDumps()
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &after); err != nil || after != (unix.Rlimit{Cur: 1, Max: 1}) {
		t.Errorf("%+v %v", after, err)
	}
}
