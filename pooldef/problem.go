package pooldef

import (
	"errors"
	"fmt"
	"strings"

	"poolctl/fault"
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

// Kind implements [fault.Error].
func (Problem) Kind() fault.Kind { return fault.Usage }

// Problems are all that is wrong with one definition.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Kind implements [fault.Error].
func (Problems) Kind() fault.Kind { return fault.Usage }

// ProblemsIn names the file in problems.
func ProblemsIn(file string, err error) Problems {
	problems, problem := Problems(nil), Problem{}
	if errors.As(err, &problem) {
		problems = Problems{problem}
	} else {
		errors.As(err, &problems)
	}
	for i := range problems {
		problems[i].File = file
	}
	return problems
}
