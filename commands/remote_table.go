package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// fleetKinds are the lists that verbs print, and the fields of their records that a table shows.
var fleetKinds = []struct {
	name    string
	columns []string
}{
	{"pools", []string{"name", "state", "autostart", "capacity", "available"}},
	{"volumes", []string{"name", "path", "capacity", "allocation"}},
	{"snapshots", []string{"volume", "name", "created", "capacity"}},
	{"users", []string{"volume", "user", "kind", "state"}},
	{"secrets", []string{"uuid", "usage_type", "usage"}},
}

// printFleetTable prints one table with the records of all machines, unless no machine has any list.
func (e *env) printFleetTable(results []*fleetResult) error {
	columns := e.columns()
	var rows [][]string
	for _, r := range results {
		warnings, problem := r.problem()
		fmt.Fprint(e.Stderr, warnings)
		if problem != nil {
			fmt.Fprintf(e.Stderr, "error: %s: %s\n", r.host, strings.TrimPrefix(problem.Text, r.host+": "))
		}
		var document map[string]json.RawMessage
		if err := json.Unmarshal(r.out.Bytes(), &document); err != nil {
			if problem == nil {
				return fmt.Errorf("%s: %w", r.host, err)
			}
			continue
		}
		for _, kind := range fleetKinds {
			list := document[kind.name]
			if list == nil {
				continue
			}
			if columns == nil {
				columns = kind.columns
			}
			var records []map[string]any
			decoder := json.NewDecoder(bytes.NewReader(list))
			decoder.UseNumber()
			if err := decoder.Decode(&records); err != nil {
				return fmt.Errorf("%s: %w", r.host, err)
			}
			for _, record := range records {
				rows = append(rows, fleetRow(r.host, record, columns))
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
