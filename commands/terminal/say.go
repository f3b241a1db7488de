package terminal

import (
	"fmt"
	"io"
	"slices"

	"poolctl/format"
)

// Say prints a sentence for people, unless Quiet or DryRun is set.
func (o *Output) Say(text string, args ...any) {
	if o.Quiet || o.DryRun {
		return
	}
	o.Print("%s\n", format.Line(fmt.Sprintf(text, args...)))
}

// SayNothing is for verbs that print no sentence: virsh prints only the empty line after them.
func (o *Output) SayNothing() { o.spoke = !o.DryRun }

// Print prints a result for people.
func (o *Output) Print(text string, args ...any) {
	fmt.Fprintf(o.People, text, args...)
	o.spoke = true
}

// Result prints a result that programs use unchanged, such as a name or a document. On a terminal, control
// characters in it are escaped.
func (o *Output) Result(text string) {
	fmt.Fprint(o.Results, text)
	o.spoke = true
}

// ResultLine prints a result of one line. On a terminal, line feeds in it are escaped, too.
func (o *Output) ResultLine(text string) {
	if o.Results == io.Writer(o.People) {
		text = format.Line(text)
	}
	o.Result(text + "\n")
}

// Table prints a table for people, without its header if Quiet is set.
func (o *Output) Table(header []string, rows [][]string) error {
	o.spoke = true
	return format.Table(o.People, header, rows, !o.Quiet)
}

// A TableInParts is a table that is printed before all of its rows are known.
type TableInParts struct {
	o      *Output
	header []string
	began  bool
	room   [][]string // the rows of other parts, for which the columns are wide enough
}

// TableInParts begins a table.
func (o *Output) TableInParts(header []string) *TableInParts {
	return &TableInParts{o: o, header: header}
}

// Print prints rows, and the header before the first part. later are rows at least as wide as those that
// follow; nil: none follow.
func (t *TableInParts) Print(rows, later [][]string) error {
	withHeader := !t.began && !t.o.Quiet
	room := slices.Concat(t.room, later)
	if t.room = room; later != nil {
		for _, row := range rows {
			t.room = append(t.room, slices.Clone(row))
		}
		if withHeader {
			t.room = append(t.room, t.header)
		}
	}
	t.began, t.o.spoke = true, true
	return format.TablePart(t.o.People, t.header, rows, room, withHeader)
}

// Warn prints a warning on standard error. The arguments are those of fmt.Errorf.
func (o *Output) Warn(text string, args ...any) {
	fmt.Fprintln(o.Stderr, "warning: "+Sentence(fmt.Errorf(text, args...)))
}
