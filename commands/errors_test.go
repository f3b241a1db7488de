package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
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
		{&host.LabelError{Label: "x"}, statusUsage, "ls -Z shows the labels of other files"},
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

// TestHiddenOptions lists the options of verbs that have the letter of a global one: only check may, because
// programs that run plugins use these letters.
func TestHiddenOptions(t *testing.T) {
	parser, err := newParser(&cli{}, []string{"help"})
	if err != nil {
		t.Fatal(err)
	}
	global := map[rune]string{}
	for _, f := range parser.Model.Flags {
		global[f.Short] = f.Name
	}
	var hidden []string
	for _, verb := range parser.Model.Children {
		for _, f := range verb.Flags {
			if f.Short != 0 && global[f.Short] != "" {
				const text = "%s -%c is --%s, not --%s"
				hidden = append(hidden, fmt.Sprintf(text, verb.Name, f.Short, f.Name, global[f.Short]))
			}
		}
	}
	want := []string{"check -c is --critical, not --connect", "check -v is --verbose, not --version-too"}
	if !slices.Equal(hidden, want) {
		t.Errorf("got\n%q\nwant\n%q", hidden, want)
	}
}

// A panicking host is a bug: every query panics.
type panickingHost struct{ host.Host }

func (panickingHost) Mounts() ([]host.Mount, error) { panic("a bug") }

// TestPluginPanics checks that a panic ends check with status 3. Go's runtime would end it with 2, which
// means critical.
func TestPluginPanics(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("POOLCTL_CONFIG_DIR", dir+"/etc")
	t.Setenv("POOLCTL_RUN_DIR", dir+"/run")
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) int {
		return Main(t.Context(), panickingHost{&host.Local{}}, append([]string{"poolctl"}, args...))
	}
	if status := run("-q", "pool-create-as", "p", "dir", "--target", dir+"/p", "--build"); status != 0 {
		t.Fatal(status)
	}
	if status := run("check"); status != statusUnknown {
		t.Errorf("status %d", status)
	}
	e := newEnv(t.Context())
	e.isPlugin = true
	status := func() (status int) {
		defer e.recoverPlugin(&status)
		panic("a bug in the verb")
	}()
	if status != statusUnknown {
		t.Errorf("status %d", status)
	}
}
