// Package format prints what commands return: tables in virsh's layout, records in JSON, YAML and CSV, and
// sizes.
//
//   - [Table] prints rows for people, as virsh does.
//   - [List] prints records for scripts, in JSON, YAML, CSV or by name.
//   - [ParseSize] and [HumanSize] convert between bytes and text.
//   - [Text], [Line] and [Printable] escape what a terminal would interpret.
//   - [ParseYAML] and [PrintYAML] wrap the YAML library, which no other package imports.
//
// XML is in poolctl/format/xmltree.
package format

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/ll"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/tw"
)

// Table prints rows in virsh's layout: one blank before each cell, two more between columns, a rule below the
// header, and no blanks at the end of a line. Without a header (virsh -q), the rule is also left out. Cells
// are escaped with Printable.
func Table(w io.Writer, header []string, rows [][]string, withHeader bool) error {
	return TablePart(w, header, rows, nil, withHeader)
}

// TablePart prints a part of a table. Its columns are also wide enough for the rows of the other parts.
func TablePart(w io.Writer, header []string, rows, others [][]string, withHeader bool) error {
	layout := make([][]string, 0, len(others)+1)
	for _, row := range others {
		layout = append(layout, escapeCells(slices.Clone(row)))
	}
	for _, row := range rows {
		escapeCells(row)
	}
	if len(rows) > 0 {
		layout = append(layout, widest(rows))
	}
	if len(layout) == 0 { // the library does not call the renderer without rows
		return emptyTable(w, header, withHeader)
	}
	t := tablewriter.NewTable(w,
		tablewriter.WithRenderer(&virshTable{rows: rows}),
		tablewriter.WithPadding(tw.PaddingNone),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
	)
	if withHeader {
		t.Header(header)
	}
	if err := t.Append(widest(layout)); err != nil {
		return err
	}
	return t.Render()
}

// escapeCells escapes the cells of a row in place, and returns the row.
func escapeCells(row []string) []string {
	for i := range row {
		row[i] = Printable(row[i])
	}
	return row
}

// widest returns the widest cell of each column. The library needs no more to lay out the table, and would
// take four microseconds and a kilobyte for each row.
func widest(rows [][]string) []string {
	cells := slices.Clone(rows[0])
	widths := make([]int, len(cells))
	for _, row := range rows {
		for i, cell := range row {
			if width := cellWidth(cell); width > widths[i] {
				cells[i], widths[i] = cell, width
			}
		}
	}
	return cells
}

// cellWidth returns the number of columns that a cell takes on a terminal, as the library computes it. The
// library's own function takes a microsecond for each cell, and keeps the cell.
func cellWidth(cell string) int {
	if isPlain(cell) {
		return len(cell)
	}
	return twwidth.WidthNoCache(cell)
}

func emptyTable(w io.Writer, header []string, withHeader bool) error {
	if !withHeader {
		return nil
	}
	line := " " + strings.Join(header, "   ")
	rule := len(line) + 2
	_, err := fmt.Fprintf(w, "%s\n%s\n", line, strings.Repeat("-", rule))
	return err
}

// Printable escapes a cell as virsh does: control characters, bytes that are not UTF-8, and the sequence \x
// itself become \xNN.
func Printable(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size <= 1 || !unicode.IsPrint(r) || strings.HasPrefix(s[i:], `\x`) {
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// virshTable is the renderer that tablewriter calls with the column widths.
type virshTable struct {
	rows [][]string // the library has one row with the widest cells
	out  *bufio.Writer
}

func (t *virshTable) Start(w io.Writer) error {
	t.out = bufio.NewWriterSize(w, 1<<13) // w has a buffer, and checks each text that it is given
	return nil
}

func (t *virshTable) Header(lines [][]string, ctx tw.Formatting) {
	rule := 0
	for _, cells := range lines {
		t.line(cells, ctx)
		for i := range cells {
			rule += ctx.Row.Widths.Get(i) + 3
		}
	}
	fmt.Fprintln(t.out, strings.Repeat("-", rule))
}

// Row prints all rows in place of the row with the widest cells.
func (t *virshTable) Row(_ []string, ctx tw.Formatting) {
	for _, cells := range t.rows {
		t.line(cells, ctx)
	}
}

func (t *virshTable) line(cells []string, ctx tw.Formatting) {
	for i, cell := range cells {
		t.out.WriteByte(' ')
		t.out.WriteString(cell)
		if i < len(cells)-1 {
			t.out.WriteString(blanks(ctx.Row.Widths.Get(i) - cellWidth(cell) + 2))
		}
	}
	t.out.WriteByte('\n')
}

// blanks returns n blanks.
func blanks(n int) string {
	const some = "                                                                "
	if n <= len(some) {
		return some[:n]
	}
	return strings.Repeat(" ", n)
}

func (t *virshTable) Close() error                     { return t.out.Flush() }
func (t *virshTable) Config() tw.Rendition             { return tw.Rendition{} }
func (t *virshTable) Line(tw.Formatting)               {}
func (t *virshTable) Footer([][]string, tw.Formatting) {}
func (t *virshTable) Logger(*ll.Logger)                {}
