package pooldef

import (
	"errors"
	"fmt"
	"strings"

	"poolctl/backend/fault"
)

// A Problem is one error or warning about a definition.
type Problem struct {
	File    string // empty if the definition did not come from a file
	Line    int    // 0 if unknown
	Element string // the path in the syntax of the document's language; empty for the whole document
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

// Problems lists everything that is wrong with one definition.
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

// ProblemsIn returns the problems that err wraps, a Problem or Problems, with their file set. It returns nil
// for any other error.
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
