package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
	"poolctl/pooldef/store"
)

// TestStatus checks exit statuses and hints. An error keeps both when it is wrapped.
func TestStatus(t *testing.T) {
	state := &backend.StateError{Text: "x", Hint: "do y"}
	for _, test := range []struct {
		err    error
		status int
		hint   string
	}{
		{errors.New("x"), statusFailed, ""},
		{errPartial, statusPartial, ""},
		{&usageError{verb: "vol-list", text: "x"}, statusUsage, "poolctl help vol-list"},
		{pooldef.Problems{{Text: "x"}}, statusUsage, ""},
		{store.ErrNoPool, statusNotFound, "poolctl pool-list --all"},
		{backend.ErrNoVolume, statusNotFound, ""},
		{state, statusState, "do y"},
		{errors.Join(fs.ErrExist, state), statusState, "do y"},
		{syscall.EBUSY, statusState, ""},
		{&store.NoValueError{UUID: "u"}, statusState, "poolctl secret-set-value u"},
		{&pooldef.ConflictError{Text: "x"}, statusConflict, ""},
		{fs.ErrExist, statusConflict, ""},
		{&readonlyInputError{"f"}, statusPermission, "give it on standard input: - <f"},
		{&store.TrustError{Fix: []string{"chown", "root:", "f"}}, statusPermission, "chown root: f"},
		{&pooldef.LockError{What: "x"}, statusLocked, "wait longer with --lock-timeout"},
		{&backend.TimeoutError{Text: "x"}, statusLocked, ""},
		{&host.ToolError{Tool: "lvs"}, statusUnsupported, "apt-get install lvm2"},
		{errNoEvents, statusUnsupported, ""},
	} {
		e := &env{verb: "pool-list"}
		for _, err := range []error{test.err, fmt.Errorf("x: %w", test.err)} {
			if status, hint := status(err), e.hint(err); status != test.status || hint != test.hint {
				t.Errorf("%v: got %d and %q, want %d and %q", err, status, hint, test.status, test.hint)
			}
		}
	}
}
