package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// printFleetTable prints one table with the records of all machines.
func (e *env) printFleetTable(results []*fleetResult) error {
	columns := e.fleetColumns()
	var rows [][]string
	for _, r := range results {
		if problem := r.problem(); problem != nil {
			fmt.Fprintf(e.Stderr, "error: %s: %s\n", r.host, strings.TrimPrefix(problem.Text, r.host+": "))
			continue
		}
		var document map[string]json.RawMessage
		if err := json.Unmarshal(r.out.Bytes(), &document); err != nil {
			return fmt.Errorf("%s: %w", r.host, err)
		}
		_, _ = e.Stderr.Write(r.errs.Bytes())
		for _, kind := range []string{"pools", "volumes", "secrets"} {
			var records []map[string]any
			decoder := json.NewDecoder(bytes.NewReader(document[kind]))
			decoder.UseNumber()
			_ = decoder.Decode(&records) // the document has one of the kinds
			for _, record := range records {
				rows = append(rows, fleetRow(r.host, record, columns))
			}
		}
	}
	return e.Table(append([]string{"host"}, columns...), rows)
}

// fleetColumns returns the fields that a table shows: those of --columns, or the first that people ask for.
func (e *env) fleetColumns() []string {
	for _, f := range e.command.Selected().Flags {
		if names, ok := e.command.FlagValue(f).([]string); ok && f.Name == "columns" && names != nil {
			return names
		}
	}
	switch {
	case strings.HasPrefix(e.verb, "vol-"):
		return []string{"name", "path", "capacity", "allocation"}
	case strings.HasPrefix(e.verb, "secret-"):
		return []string{"uuid", "usage_type", "usage"}
	}
	return []string{"name", "state", "autostart", "capacity", "available"}
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
