package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"poolctl/format"
)

// A fleetKind is a list that verbs print, and the fields of its records that a table shows.
type fleetKind struct {
	name    string
	columns []string
}

var fleetKinds = []fleetKind{
	{"pools", []string{"name", "state", "autostart", "capacity", "available"}},
	{"volumes", []string{"name", "path", "capacity", "allocation"}},
	{"snapshots", []string{"volume", "name", "created", "capacity"}},
	{"users", []string{"volume", "user", "kind", "state"}},
	{"secrets", []string{"uuid", "usage_type", "usage"}},
}

// each calls do for each record of a list, which may be nil. It returns an error for what is no list of
// records, or if a record has not the first of columns. columns is nil if those of the kind are wanted.
func (k *fleetKind) each(list json.RawMessage, columns []string, do func(record map[string]any)) error {
	if list == nil {
		return nil
	}
	if columns == nil {
		columns = k.columns
	}
	decoder := json.NewDecoder(bytes.NewReader(list))
	decoder.UseNumber()
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		return errors.New("there is no list")
	}
	for decoder.More() {
		var record map[string]any
		if err := decoder.Decode(&record); err != nil {
			return errors.New("a record is no object")
		}
		if _, ok := record[columns[0]]; !ok {
			return fmt.Errorf("a record has no %s", columns[0])
		}
		do(record)
	}
	return nil
}

// printFleetTable prints one table with the records of all machines, unless no machine has any list.
func (e *env) printFleetTable(results []*fleetResult) error {
	columns := e.columns()
	var rows [][]string
	for _, r := range results {
		warnings, problem := r.problem()
		fmt.Fprint(e.Stderr, warnings)
		if problem != nil {
			for line := range strings.Lines(strings.TrimPrefix(problem.Text, r.host+": ")) {
				fmt.Fprintf(e.Stderr, "error: %s: %s\n", r.host, format.Line(strings.TrimSuffix(line, "\n")))
			}
		}
		for _, kind := range fleetKinds {
			if r.document[kind.name] == nil {
				continue
			}
			if columns == nil {
				columns = kind.columns
			}
			err := kind.each(r.document[kind.name], columns, func(record map[string]any) {
				rows = append(rows, fleetRow(r.host, record, columns))
			})
			if err != nil {
				return err // which read has excluded
			}
		}
	}
	if columns == nil {
		return nil
	}
	return e.Table(append([]string{"host"}, columns...), rows)
}

// columns returns the fields of --columns, or nil.
func (e *env) columns() []string {
	for _, f := range e.command.Selected().Flags {
		if names, ok := e.command.FlagValue(f).([]string); ok && f.Name == "columns" {
			return names
		}
	}
	return nil
}

// fleetRow returns the row of a record.
func fleetRow(host string, record map[string]any, columns []string) []string {
	row := []string{host}
	for _, name := range columns {
		switch value := record[name].(type) {
		case nil:
			row = append(row, "-")
		case []any:
			row = append(row, strings.Trim(fmt.Sprint(value), "[]"))
		default:
			row = append(row, fmt.Sprint(value))
		}
	}
	return row
}
