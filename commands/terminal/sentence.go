package terminal

import (
	"errors"
	"strings"

	"poolctl/backend/host"
	"poolctl/format"
	"poolctl/pooldef"
)

// Lines returns the lines that report an error, all printable. Each problem of a definition is a line of its
// own. It begins with the file or, if there is none, with the text that wraps the problems. Any other error
// is one element, its [Sentence].
func Lines(err error) []string {
	problems := pooldef.Problems(nil)
	if !errors.As(err, &problems) {
		return []string{Sentence(err)}
	}
	prefix := strings.TrimSuffix(err.Error(), problems.Error())
	var all []string
	for _, p := range problems {
		text := p.Error()
		if p.File == "" {
			text = prefix + text
		}
		all = append(all, format.Line(text))
	}
	return all
}

// Sentence returns an error's text for people. Names and paths in it may hold anything, so line feeds in them
// are escaped. Only the output of tools and joined errors have several lines.
func Sentence(err error) string {
	text := err.Error()
	if exit, ok := err.(*host.ExitError); ok { //nolint:errorlint // this one, not one that it wraps
		before, after, _ := strings.Cut(text, exit.Stderr)
		return format.Line(before) + indentLines(exit.Stderr) + format.Line(after)
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
		b.WriteString(Sentence(part))
		text = after
	}
	return b.String() + format.Line(text)
}

// indentLines escapes each line of a text and indents all lines but the first, so that none can be mistaken
// for a line of poolctl.
func indentLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = format.Line(line)
	}
	return strings.Join(lines, "\n  ")
}
