package commands

import (
	"errors"
	"fmt"
	"strings"

	"poolctl/format"
	"poolctl/pooldef"
)

// asksForJSON reports whether a command line, which may be wrong, asks for JSON.
func asksForJSON(args []string) bool {
	style, _ := outputStyle(args)
	return style == "json" || style == "jsonl"
}

// outputStyle returns the output style of a command line, which may be wrong, and the other words.
func outputStyle(args []string) (style string, rest []string) {
	style = styleVariable()
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "--" && i > 0 {
			return style, append(rest, args[i:]...)
		}
		value, isStyle := strings.CutPrefix(word, "--output=")
		if !isStyle && !strings.HasPrefix(word, "--") {
			value, isStyle = strings.CutPrefix(word, "-o")
			value = strings.TrimPrefix(value, "=")
		}
		if (word == "-o" || word == "--output") && i+1 < len(args) {
			i++
			value, isStyle = args[i], true
		}
		if isStyle {
			style = value
		} else {
			rest = append(rest, word)
		}
	}
	return style, rest
}

// A jsonError is an error in JSON.
type jsonError struct {
	Status   int           `json:"status"`
	Kind     string        `json:"kind"`
	Text     string        `json:"text"`
	Hint     any           `json:"hint"`
	Problems []jsonProblem `json:"problems"`
}

// A jsonProblem is a problem of a definition, or of one of several objects, in JSON.
type jsonProblem struct {
	File any    `json:"file" yaml:"file"`
	Line any    `json:"line" yaml:"line"`
	Text string `json:"text" yaml:"text"`
}

// reportPart reports the error of one of several objects. In JSON, the errors of all objects are one object.
func (e *env) reportPart(err error) {
	if !e.errorsInJSON {
		e.report(err)
		return
	}
	for _, line := range errorLines(err) {
		e.parts = append(e.parts, jsonProblem{Text: line})
	}
}

// problemMembers returns the member of lists in JSON and YAML for what is missing from them, if anything is.
func (e *env) problemMembers() []format.Member {
	if len(e.problems) == 0 {
		return nil
	}
	return []format.Member{{Name: "problems", Value: e.problems}}
}

// newJSONError returns an error for JSON. Its kind follows from its status.
func newJSONError(status int, text, hint string, problems []jsonProblem) *jsonError {
	value := &jsonError{Status: status, Kind: wordOf(status), Text: text, Hint: orNull(hint)}
	value.Problems = append([]jsonProblem{}, problems...) // never null
	return value
}

// reportJSON prints an error as an object on one line.
func (e *env) reportJSON(err error) {
	value := newJSONError(status(err), strings.Join(errorLines(err), "\n"), e.hint(err),
		append(e.parts, problemsOf(err)...))
	if e.isPlugin {
		value.Status = statusUnknown
	}
	text, err := format.JSON(struct {
		Schema int        `json:"schema"`
		Error  *jsonError `json:"error"`
	}{format.Schema, value})
	if err == nil {
		fmt.Fprintln(e.Stderr, text)
	}
}

// problemsOf returns the problems of definitions that an error wraps.
func problemsOf(err error) (list []jsonProblem) {
	problems := pooldef.Problems(nil)
	errors.As(err, &problems)
	for _, p := range problems {
		value := jsonProblem{File: orNull(p.File)}
		if p.Line > 0 {
			value.Line = p.Line
		}
		p.File = ""
		value.Text = format.Line(p.Error())
		list = append(list, value)
	}
	return list
}
