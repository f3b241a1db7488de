package commands

import (
	"fmt"
)

// say prints a sentence for people; not with --quiet, nor in a dry run, where nothing has happened.
func (e *env) say(sentence string, args ...any) {
	if e.cli.Quiet || e.cli.DryRun {
		return
	}
	e.print(sentence+"\n", args...)
}

// end ends a verb that has nothing to say, as virsh does: with an empty line.
func (e *env) end() { e.spoke = !e.cli.DryRun }

// print prints a result for people.
func (e *env) print(text string, args ...any) {
	fmt.Fprintf(e.stdout, text, args...)
	e.spoke = true
}

// warn prints a warning on standard error.
func (e *env) warn(text string, args ...any) {
	fmt.Fprintf(e.stderr, "warning: "+text+"\n", args...)
}
