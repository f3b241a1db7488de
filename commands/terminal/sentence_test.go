package terminal

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// TestSentence formats errors whose names and messages contain control characters. Only the output of tools
// and joined errors may have several lines.
func TestSentence(t *testing.T) {
	path := &fs.PathError{Op: "open", Path: "/a\nerror: b\x1b", Err: fs.ErrNotExist}
	tool := &host.ExitError{Command: host.Cmd("a\nb"), Status: 1, Stderr: "one\x1b\ntwo\tthree"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{errors.New("a\nb\u202e\xff"), `a\x0ab\xe2\x80\xae\xff`},
		{path, `open /a\x0aerror: b\x1b: file does not exist`},
		{fmt.Errorf("read %s: %w", "x\ny", path), `read x\x0ay: open /a\x0aerror: b\x1b: file does not exist`},
		{tool, "a\\x0ab failed with status 1: one\\x1b\n  two\\x09three"},
		{fmt.Errorf("run \n: %w (\n)", tool),
			"run \\x0a: a\\x0ab failed with status 1: one\\x1b\n  two\\x09three (\\x0a)"},
		{fmt.Errorf("x: %w", errors.Join(path, tool, errors.New("c\r"))),
			"x: open /a\\x0aerror: b\\x1b: file does not exist\na\\x0ab failed with status 1: one\\x1b\n" +
				"  two\\x09three\nc\\x0d"},
		{fmt.Errorf("%w\n: %w", path, errors.New("")), `open /a\x0aerror: b\x1b: file does not exist\x0a: `},
		{&hidden{tool}, `something else\x0a`},
		{pooldef.Problem{File: "f\n", Element: "e\x9b", Text: "t\n"}, `f\x0a: e\x9b: t\x0a`},
	} {
		if got := Sentence(test.err); got != test.want {
			t.Errorf("%q: got\n%s\nwant\n%s", test.err, got, test.want)
		}
	}
}

// hidden wraps an error, but its own text does not contain the text of that error.
type hidden struct{ error }

func (h *hidden) Error() string { return "something else\n" }
func (h *hidden) Unwrap() error { return h.error }
