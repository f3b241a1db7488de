package commands

import (
	"fmt"
	"io"

	"poolctl/format"
)

// say prints a sentence for people; not with --quiet, nor in a dry run, where nothing has happened.
func (e *env) say(text string, args ...any) {
	if e.cli.Quiet || e.cli.DryRun {
		return
	}
	e.print("%s\n", format.Line(fmt.Sprintf(text, args...)))
}

// end ends a verb that has nothing to say, as virsh does: with an empty line.
func (e *env) end() { e.spoke = !e.cli.DryRun }

// print prints a result for people.
func (e *env) print(text string, args ...any) {
	fmt.Fprintf(e.people, text, args...)
	e.spoke = true
}

// result prints a result that programs use as it is, such as a name or a document. On a terminal people read it.
func (e *env) result(text string) {
	fmt.Fprint(e.results, text)
	e.spoke = true
}

// resultLine prints a result that is one line for people, whatever is in it.
func (e *env) resultLine(text string) {
	if e.results == io.Writer(e.people) {
		text = format.Line(text)
	}
	e.result(text + "\n")
}

// warn prints a warning on standard error. Errors among the arguments are wrapped (%w).
func (e *env) warn(text string, args ...any) {
	fmt.Fprintln(e.stderr, "warning: "+sentence(fmt.Errorf(text, args...)))
}
