package format

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// Schema is the version of the machine-readable output. Within one version, fields are only added.
const Schema = 1

// A List prints records with named fields in the style json, jsonl (one object a line), yaml, csv, name, or
// null (names that end with NUL). It prints the first record at once and keeps a few others in memory,
// because lists can be long.
type List struct {
	style     string
	kind      string // the plural noun for the records: the key that contains them
	fields    []string
	out       *bufio.Writer
	count     int
	yaml      yamlRecords
	forPeople bool // the writer is a Text: print each name on one line
}

// A Member is a name and a value in a JSON object or a YAML mapping.
type Member struct {
	Name  string
	Value any
}

// NewList begins a list. Close ends the list. In the style json, the members stand before the records.
func NewList(w io.Writer, style, kind string, fields []string, members ...Member) *List {
	l := &List{style: style, kind: kind, fields: fields, out: bufio.NewWriterSize(w, 1<<16)}
	_, l.forPeople = w.(*Text)
	switch style {
	case "json":
		fmt.Fprintf(l.out, "{\n  \"schema\": %d,\n", Schema)
		for _, m := range members {
			text, _ := JSON(m.Value) // of simple types
			fmt.Fprintf(l.out, "  %q: %s,\n", m.Name, text)
		}
		fmt.Fprintf(l.out, "  %q: [", kind)
	case "yaml":
		fmt.Fprintf(l.out, "schema: %d\n%s:", Schema, kind)
		l.yaml = newYAMLRecords(l.out, fields)
	case "csv":
		_ = l.csv(fields) // the buffer returns the error at the end
	}
	return l
}

// Add prints one record. values are in the order of the fields; the first is the name, a string, which is all
// that the styles name and null print. nil is null.
func (l *List) Add(values ...any) error {
	var err error
	switch l.style {
	case "json":
		err = l.json(values)
	case "yaml":
		err = l.yaml.add(values)
	case "csv":
		cells := make([]string, len(values))
		for i, v := range values {
			if cells[i], err = Cell(v); err != nil {
				return err
			}
		}
		err = l.csv(cells)
	case "jsonl":
		err = l.jsonLine(values)
	case "name":
		name := values[0].(string)
		if l.forPeople {
			name = Line(name)
		}
		l.out.WriteString(name)
		err = l.out.WriteByte('\n')
	case "null":
		l.out.WriteString(values[0].(string))
		err = l.out.WriteByte(0)
	}
	if l.count++; l.count == 1 && err == nil {
		err = l.out.Flush() // the others may take long
	}
	return err
}

// Flush writes the records that were added, before others that may take long.
func (l *List) Flush() error {
	if err := l.yaml.flush(); err != nil {
		return err
	}
	return l.out.Flush()
}

// Close ends the document and flushes the output. In the styles json and yaml, the members stand after the
// records.
func (l *List) Close(members ...Member) error {
	if err := l.yaml.flush(); err != nil {
		return err
	}
	switch {
	case l.style == "json" && l.count == 0:
		l.out.WriteByte(']')
	case l.style == "json":
		l.out.WriteString("\n  ]")
	case l.style == "yaml" && l.count == 0:
		l.out.WriteString(" []\n")
	}
	for _, m := range members {
		if err := l.member(m); err != nil {
			return err
		}
	}
	if l.style == "json" {
		l.out.WriteString("\n}\n")
	}
	return l.out.Flush()
}

// member prints a member after the records.
func (l *List) member(m Member) error {
	switch l.style {
	case "json":
		text, err := JSON(m.Value)
		l.out.WriteString(",\n  \"" + m.Name + "\": " + text)
		return err
	case "yaml":
		return PrintYAML(l.out, map[string]any{m.Name: m.Value})
	}
	return nil
}

// Cell formats a value for a spreadsheet. null is an empty cell, and the items of a list are joined by
// blanks.
func Cell(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []string:
		return strings.Join(v, " "), nil
	}
	return JSON(v)
}

func (l *List) csv(cells []string) error {
	return csv.NewWriter(l.out).Write(cells) // which writes to the buffer itself (bufio.NewWriter)
}
