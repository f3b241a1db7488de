package pooldef

import (
	"fmt"
	"strings"
)

// A Problem is one thing that is wrong with a definition.
type Problem struct {
	File    string // empty: the definition did not come from a file
	Line    int    // 0: not known
	Element string // as the file's language spells it; empty: the whole document
	Text    string
}

func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:", p.Line)
		}
		b.WriteByte(' ')
	}
	if p.Element != "" {
		b.WriteString(p.Element + ": ")
	}
	return b.String() + p.Text
}

// Problems are all that is wrong with one definition.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}
