package commands

import (
	"strings"

	"poolctl/backend/host"
	"poolctl/format"
)

// sentence returns an error's text for people. Nothing in it begins a new line, but for what tools have said and for errors that
// were joined: a name or a path in it may hold anything.
func sentence(err error) string {
	text := err.Error()
	if exit, ok := err.(*host.ExitError); ok { //nolint:errorlint // this one, not one that it wraps
		before, after, _ := strings.Cut(text, exit.Stderr)
		return format.Line(before) + linesOf(exit.Stderr) + format.Line(after)
	}
	var parts []error
	switch err := err.(type) { //nolint:errorlint // the tree is walked here
	case interface{ Unwrap() error }:
		if inner := err.Unwrap(); inner != nil {
			parts = []error{inner}
		}
	case interface{ Unwrap() []error }:
		parts = err.Unwrap()
	}
	var b strings.Builder
	for i, part := range parts {
		before, after, found := strings.Cut(text, part.Error())
		if !found {
			break
		}
		if joined := i > 0 && before == "\n"; joined {
			b.WriteString(before)
		} else {
			b.WriteString(format.Line(before))
		}
		b.WriteString(sentence(part))
		text = after
	}
	return b.String() + format.Line(text)
}

// linesOf returns the lines of a text, each without what a terminal obeys. All but the first are indented: none is taken for ours.
func linesOf(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = format.Line(line)
	}
	return strings.Join(lines, "\n  ")
}
