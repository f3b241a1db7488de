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

// A Golden writes down what operations do to the machine, as --debug prints it, and compares that with testdata/NAME.golden.
// UPDATE=1 writes the file anew.
type Golden struct {
	testing.TB
	// Clean replaces what is different each time; nil: nothing is.
	Clean func(string) string
	// Snapshot prints what a dry run must not change; nil: that is not looked at.
	Snapshot func() string

	// Record is what has been written down.
	Record bytes.Buffer

	name     string
	tape     *recorder
	replaced bool // a part of the machine is
}

// NewGolden begins a golden of what any machine can do. End ends it.
func NewGolden(t testing.TB, name string) *Golden {
	return &Golden{TB: t, name: "testdata/" + name, tape: &recorder{machine: &host.Local{}}}
}

// NewGoldenOn begins a golden of what any machine can do if a part of it is replaced, as machine does: UPDATE=1 does not write it.
func NewGoldenOn(t testing.TB, name string, machine host.Host) *Golden {
	g := NewGolden(t, name)
	g.tape.machine, g.replaced = machine, true
	return g
}

// NewReplayed begins a golden of what only the lab can do; live reports that this is the lab.
func NewReplayed(t testing.TB, name string, live bool) *Golden {
	t.Helper()
	return NewReplayedWithout(t, "the lab (scripts/lab, POOLCTL_LAB=1)", name, live)
}

// NewReplayedWithout begins a golden of what needs something that not every machine has; live reports that this one has it. Elsewhere
// nothing happens: the test gets the answers that such a machine gave once, from testdata/NAME.answers. Operations have to ask and do
// the same then.
func NewReplayedWithout(t testing.TB, needs, name string, live bool) *Golden {
	t.Helper()
	g := NewGolden(t, name)
	g.tape.keeps = live
	if live {
		return g
	}
	t.Log("REPLAYED: what operations do to the machine: to do it needs " + needs)
	g.tape.machine = nil
	if err := g.tape.read(g.name + ".answers"); err != nil {
		t.Fatal(err)
	}
	return g
}

// Live tells whether things happen. Where they do not, nothing else may be done to the machine either.
func (g *Golden) Live() bool { return g.tape.machine != nil }

// Host answers as the host of an operation does; nothing is printed of what is asked.
func (g *Golden) Host() host.Host { return g.tape }

// Recorded answers what a backend asks the machine without its Host, in a golden.
func Recorded[T any](g *Golden, question string, live func() (T, error)) (T, error) {
	return ask(g.tape, question, func(host.Host) (T, error) { return live() })
}

// checks are what only who has just made a device can print, as they look at it: no dry run, and nothing where it is not made.
var checks = regexp.MustCompile(`\[ \d+ -le \d+ \] && `)

// settling is asked only where udev runs (host.Settle).
var settling = regexp.MustCompile(`(?m)^\? udevadm settle .*\n`)

// Does lets an operation happen; before that in a dry run, which has to change nothing and to print the same changes.
func (g *Golden) Does(title string, op func(h host.Host) error) {
	g.Helper()
	g.tape.clean = g.clean
	before := g.snapshot()
	var dry, trace bytes.Buffer
	dryErr := op(host.NewDryRun(g.tape, &dry))
	if after := g.snapshot(); after != before {
		g.Errorf("%s: a dry run has changed\n%s to\n%s", title, before, after)
	}
	err := op(host.Trace{Host: g.tape, W: &trace})
	done := g.clean(trace.String())
	fmt.Fprintf(&g.Record, "# %s\n%s", title, done)
	if err != nil {
		fmt.Fprintf(&g.Record, "error: %s\n", g.clean(err.Error()))
	}
	g.Record.WriteByte('\n')
	if got, want := g.clean(dry.String()), changes(done); err == nil && (got != want || dryErr != nil) {
		g.Errorf("%s: a dry run prints\n%s, error %v; what happens is\n%s", title, got, dryErr, want)
	}
}

// changes returns the commands of a trace that change something; one may have several lines.
func changes(trace string) string {
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
	text = settling.ReplaceAllString(checks.ReplaceAllString(text, ""), "")
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

// End compares, or writes, the file.
func (g *Golden) End() {
	g.Helper()
	file := g.name + ".golden"
	if os.Getenv("UPDATE") != "" && g.Live() && !g.replaced {
		if err := os.WriteFile(file, g.Record.Bytes(), 0o644); err != nil { //nolint:forbidigo // the test's own
			g.Fatal(err)
		}
		if g.tape.keeps {
			g.tape.write(g, g.name+".answers")
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(g.Record.Bytes(), want) {
		g.Errorf("%s differs; UPDATE=1 accepts it. error %v. Now it is\n%s", file, err, g.Record.String())
	}
}
