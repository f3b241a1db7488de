package commands

import (
	"bytes"
	"fmt"
)

// A plan collects the steps of a dry run, each from one Write.
type plan []string

// Write implements io.Writer.
func (p *plan) Write(step []byte) (int, error) {
	*p = append(*p, string(bytes.TrimSuffix(step, []byte("\n"))))
	return len(step), nil
}

// settle ends an operation. Its steps in a dry run are printed, or kept for -o json. After an error, they are
// dropped: the plan is not complete, and ends with steps that undo others.
func (e *env) settle(err error) {
	if err == nil {
		e.changed = e.changed || e.steps.Load() > 0
		e.commands = append(e.commands, e.plan...)
		for _, step := range e.plan {
			if e.changes == nil {
				fmt.Fprintln(e.People, step)
			}
		}
	}
	e.plan = nil
	e.steps.Store(0)
}
