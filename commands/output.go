package commands

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"poolctl/format"
)

// styles returns the values of -o and of $POOLCTL_OUTPUT. table is the style for people.
func styles() []string {
	option, _ := reflect.TypeFor[output]().FieldByName("Output")
	return strings.Split(option.Tag.Get("enum"), ",")
}

// styleVariable returns the style that $POOLCTL_OUTPUT asks for, or "".
func styleVariable() string { return os.Getenv("POOLCTL_OUTPUT") }

// checkStyleVariable returns an error if no verb has the style of $POOLCTL_OUTPUT.
func checkStyleVariable() error {
	style := styleVariable()
	if style == "" || slices.Contains(styles(), style) {
		return nil
	}
	return &usageError{text: fmt.Sprintf("POOLCTL_OUTPUT is %q, but the styles are %s", style,
		strings.Join(styles(), ", "))}
}

// hasColumns reports whether --columns applies to a style.
func hasColumns(style string) bool { return !slices.Contains([]string{"name", "null", "xml"}, style) }

// output has the options of verbs that print records.
type output struct {
	Output  string   `short:"o" default:"table" enum:"table,json,jsonl,yaml,csv,name,xml" placeholder:"STYLE" help:"Print a table, json, jsonl (one object a line), yaml, csv, name or xml."`
	Columns []string `placeholder:"NAMES" help:"Only these fields, separated by commas, in this order: see \"poolctl help output\"."`
	Null    bool     `help:"With -o name: end each name with a NUL byte instead of a newline."`

	picked []int // the indices of Columns among the fields; nil: all fields
}

// AfterApply sets the style null, which users cannot choose directly. kong may call it twice.
func (o *output) AfterApply() error {
	switch {
	case o.Null && o.Output == "name":
		o.Output = "null"
	case o.Null && o.Output != "null":
		return errors.New("the option --null needs -o name")
	case o.Columns != nil && !hasColumns(o.Output):
		return fmt.Errorf("the option --columns does not apply to -o %s", o.Output)
	}
	return nil
}

// isForPeople reports whether the verb prints what virsh prints.
func (o *output) isForPeople() bool { return o.Output == "table" && o.Columns == nil }

// pick finds the columns among the names of all fields.
func (o *output) pick(fields []string) error {
	for _, name := range o.Columns {
		i := slices.Index(fields, name)
		if i < 0 {
			return &usageError{text: fmt.Sprintf("--columns: there is no field %q; the fields are %s", name,
				strings.Join(fields, ", "))}
		}
		o.picked = append(o.picked, i)
	}
	return nil
}

// needsOnly reports whether the records need no fields but these.
func (o *output) needsOnly(fields ...string) bool {
	if o.Output == "name" || o.Output == "null" {
		return true
	}
	isOther := func(column string) bool { return !slices.Contains(fields, column) }
	return o.Columns != nil && !slices.ContainsFunc(o.Columns, isOther)
}

// needsAny reports whether the records need one of these fields, which is not the name.
func (o *output) needsAny(fields ...string) bool {
	isOne := func(column string) bool { return slices.Contains(fields, column) }
	return !o.needsOnly("name") && (o.Columns == nil || slices.ContainsFunc(o.Columns, isOne))
}

// A recordPrinter prints records with the columns that were picked.
type recordPrinter struct {
	e      *env
	picked []int
	list   *format.List // nil: a table
	header []string
	rows   [][]string
}

// records returns a printer for records with these fields. kind is the plural noun for them.
func (o *output) records(e *env, kind string, fields []string) *recordPrinter {
	p := &recordPrinter{e: e, picked: o.picked, header: fields}
	if p.picked != nil {
		p.header = o.Columns
	}
	if o.Output != "table" {
		p.list = format.NewList(e.Results, o.Output, kind, p.header)
	}
	return p
}

// add prints a record, or keeps it for a table.
func (p *recordPrinter) add(values []any) error {
	if p.picked != nil {
		all := values
		values = make([]any, len(p.picked))
		for i, field := range p.picked {
			values[i] = all[field]
		}
	}
	if p.list != nil {
		return p.list.Add(values...)
	}
	row := make([]string, len(values))
	for i, value := range values {
		var err error
		if row[i], err = format.Cell(value); err != nil {
			return err
		}
		if value == nil {
			row[i] = "-"
		}
	}
	p.rows = append(p.rows, row)
	return nil
}

// flush writes the records that were added to standard output, except for a table.
func (p *recordPrinter) flush() error {
	if p.list == nil {
		return nil
	}
	if err := p.list.Flush(); err != nil {
		return err
	}
	return p.e.Flush()
}

// close ends the output. In JSON and YAML, the problems of definitions stand after the records.
func (p *recordPrinter) close() error {
	if p.list == nil {
		return p.e.Table(p.header, p.rows)
	}
	return p.list.Close(p.e.problemMembers()...)
}
