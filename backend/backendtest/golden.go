package backendtest

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"poolctl/backend/host"
)

// A Golden records what operations do to the machine, as --debug prints it, and compares the record with
// testdata/NAME.golden. UPDATE=1 rewrites the file.
type Golden struct {
	testing.TB
	// Clean replaces what differs from run to run; may be nil.
	Clean func(string) string
	// Snapshot prints what a dry run must not change; nil: not checked.
	Snapshot func() string

	// Record is the output so far.
	Record bytes.Buffer

	name     string
	recorder *recorder
	replaced bool // part of the machine is replaced
}

// NewGolden starts a golden that every machine can run. Call End at the end.
func NewGolden(t testing.TB, name string) *Golden {
	return &Golden{TB: t, name: "testdata/" + name, recorder: &recorder{machine: &host.Local{}}}
}

// NewGoldenOn starts a golden on a machine of which a part is replaced. UPDATE=1 does not rewrite it.
func NewGoldenOn(t testing.TB, name string, machine host.Host) *Golden {
	g := NewGolden(t, name)
	g.recorder.machine, g.replaced = machine, true
	return g
}

// NewReplayed starts a golden that only the lab can run. live reports whether this is the lab.
func NewReplayed(t testing.TB, name string, live bool) *Golden {
	t.Helper()
	return NewReplayedWithout(t, "the lab (scripts/lab, POOLCTL_LAB=1)", name, live)
}

// NewReplayedWithout starts a golden that needs something that not every machine has. live reports whether
// this machine has it. Otherwise nothing is changed: the test replays the answers that such a machine gave,
// from testdata/NAME.answers. Operations must then make the same queries and changes as they did there.
func NewReplayedWithout(t testing.TB, needs, name string, live bool) *Golden {
	t.Helper()
	g := NewGolden(t, name)
	g.recorder.saves = live
	if live {
		return g
	}
	t.Log("REPLAYED: changes to the machine: executing them needs " + needs)
	g.recorder.machine = nil
	if err := g.recorder.load(g.name + ".answers"); err != nil {
		t.Fatal(err)
	}
	return g
}

// Live reports whether operations are executed. If not, the test must not change the machine by other means
// either.
func (g *Golden) Live() bool { return g.recorder.machine != nil }

// Host returns a host that answers like an operation's host, but is not part of the record.
func (g *Golden) Host() host.Host { return g.recorder }

// Recorded records, or replays, the answer to a question that a backend asks the machine without its Host.
func Recorded[T any](g *Golden, question string, live func() (T, error)) (T, error) {
	return ask(g.recorder, question, func(host.Host) (T, error) { return live() })
}

// deviceChecks are printed only by a run that has just created a device and looks at it: not by a dry run,
// and not by a replay.
var deviceChecks = regexp.MustCompile(`\[ \d+ -le \d+ \] && `)

// settleQueries are made only on machines where udev runs (host.Settle).
var settleQueries = regexp.MustCompile(`(?m)^\? udevadm settle .*\n`)

// Do runs an operation as a dry run and then for real. The dry run must change nothing and print the same
// changes.
func (g *Golden) Do(title string, op func(h host.Host) error) {
	g.Helper()
	g.recorder.clean = g.clean
	before := g.snapshot()
	var dry, trace bytes.Buffer
	dryErr := op(host.NewDryRun(g.recorder, &dry))
	if after := g.snapshot(); after != before {
		g.Errorf("%s: the dry run changed\n%s to\n%s", title, before, after)
	}
	err := op(host.NewTrace(g.recorder, &trace))
	done := g.clean(trace.String())
	fmt.Fprintf(&g.Record, "# %s\n%s", title, done)
	if err != nil {
		fmt.Fprintf(&g.Record, "error: %s\n", g.clean(err.Error()))
	}
	g.Record.WriteByte('\n')
	got, want := g.clean(dry.String()), changeCommands(done)
	if err == nil && (got != want || dryErr != nil) {
		g.Errorf("%s: the dry run prints\n%s, error %v; the operation ran\n%s", title, got, dryErr, want)
	}
}

// changeCommands returns the commands in a trace that change something. A command can span several lines.
func changeCommands(trace string) string {
	var b strings.Builder
	change := false
	for line := range strings.Lines(trace) {
		if command, is := strings.CutPrefix(line, "+ "); is {
			change, line = true, command
		} else if strings.HasPrefix(line, "? ") {
			change = false
		}
		if change {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (g *Golden) clean(text string) string {
	text = settleQueries.ReplaceAllString(deviceChecks.ReplaceAllString(text, ""), "")
	if g.Clean == nil {
		return text
	}
	return g.Clean(text)
}

func (g *Golden) snapshot() string {
	if g.Snapshot == nil || !g.Live() {
		return ""
	}
	return g.Snapshot()
}

// End compares the record with the golden file, or rewrites the file.
func (g *Golden) End() {
	g.Helper()
	file := g.name + ".golden"
	if os.Getenv("UPDATE") != "" && g.Live() && !g.replaced {
		if err := os.WriteFile(file, g.Record.Bytes(), 0o644); err != nil { //nolint:forbidigo // the test's own
			g.Fatal(err)
		}
		if g.recorder.saves {
			g.recorder.write(g, g.name+".answers")
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(g.Record.Bytes(), want) {
		g.Errorf("%s differs (error %v); UPDATE=1 accepts the change. It is now\n%s", file, err,
			g.Record.String())
	}
}
