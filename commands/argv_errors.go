package commands

import (
	"fmt"
	"slices"

	"poolctl/format"
)

// fail returns a usageError for the verb.
func (p *argvParser) fail(text string, args ...any) error {
	text = fmt.Sprintf(text, args...)
	if p.verb == nil {
		return &usageError{text: text}
	}
	return &usageError{verb: p.verb.Name, text: p.verb.Name + ": " + text}
}

// suggestion returns text that asks about the option or argument that is most like an unknown one, if any.
func (p *argvParser) suggestion(unknown string) string {
	var names []string
	for _, f := range slices.Concat(p.verb.Flags, p.model.Flags) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	for _, a := range p.verb.Positional {
		names = append(names, a.Name)
	}
	if similar := format.Similar(unknown, names); similar != "" {
		return ", did you mean --" + similar + "?"
	}
	return ""
}
