package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"poolctl/backend/check"
	"poolctl/backend/tree"
	"poolctl/pooldef"
)

// An object is a part of a JSON Schema.
type object = map[string]any

// orNullOf returns the schema of a value that may be null.
func orNullOf(kind string) object { return object{"type": []string{kind, "null"}} }

// The schemas of values.
var (
	aString, aBoolean = object{"type": "string"}, object{"type": "boolean"}
	aSize             = object{"type": []string{"integer", "null"}, "minimum": 0}
	aTime             = object{"type": []string{"string", "null"}, "format": "date-time"}
	aList             = object{"type": "array", "items": aString}
)

// These have the schema of each field that is not a string or null.
var (
	poolTypes = object{
		"name": aString, "type": object{"enum": append([]any{nil}, poolTypeNames()...)},
		"state": object{"enum": []any{"active", "inactive"}}, "autostart": aBoolean, "persistent": aBoolean,
		"capacity": aSize, "allocation": aSize, "available": aSize,
		"source_hosts": aList, "source_devices": aList,
	}
	volumeTypes = object{
		"name": aString, "capacity": aSize, "allocation": aSize, "physical": aSize, "cluster_size": aSize,
		"type":  object{"enum": []any{nil, "file", "block", "dir", "network", "netdir", "ploop"}},
		"mode":  object{"type": []string{"string", "null"}, "pattern": "^[0-7]{4}$"},
		"owner": aSize, "group": aSize, "accessed": aTime, "modified": aTime, "changed": aTime,
		"backing_chain": listOrNull(chainValue{}), "paths": listOrNull(pathValue{}),
	}
	snapshotTypes = object{
		"name": aString, "volume": aString, "created": aTime, "capacity": aSize, "allocation": aSize,
	}
	userTypes = object{
		"user": aString, "volume": aString, "pool": aString, "pid": orNullOf("integer"),
		"kind":  object{"enum": []any{"overlay", "snapshot", "domain", "process", "kernel", "pool"}},
		"state": object{"enum": []any{nil, "running", "defined", "reading", "writing", "active", "inactive"}},
	}
	treeTypes = object{
		"id": aString, "name": aString, "size": aSize, "used": aSize,
		"kind": object{"enum": []tree.Kind{tree.Server, tree.Device, tree.FileSystem, tree.File, tree.Snapshot,
			tree.Pool, tree.Volume, tree.Domain, tree.Process, tree.Kernel}},
		"on": object{"type": "array", "items": object{
			"type": "object", "required": []string{"id", "use"},
			"properties": object{"id": aString, "use": orNullOf("string")},
		}},
	}
	secretTypes = object{
		"uuid": aString, "ephemeral": orNullOf("boolean"), "private": orNullOf("boolean"), "has_value": aBoolean,
	}
)

func poolTypeNames() (names []any) {
	for _, name := range pooldef.TypeNames() {
		names = append(names, name)
	}
	return names
}

// numbers are the fields of the values in lists that are numbers.
var numbers = []string{"capacity", "allocation", "priority", "group", "group_priority"}

// listOrNull returns the schema of a list of values such as the example, or null.
func listOrNull(example any) object {
	text, _ := json.Marshal(example) // of simple types
	var members object
	_ = json.Unmarshal(text, &members)
	properties := object{}
	for name, value := range members {
		switch {
		case value != nil:
			properties[name] = aString
		case slices.Contains(numbers, name):
			properties[name] = orNullOf("integer")
		default:
			properties[name] = orNullOf("string")
		}
	}
	return object{"type": []string{"array", "null"}, "items": object{
		"type": "object", "properties": properties, "required": sortedKeys(properties),
	}}
}

func sortedKeys(m object) []string { return slices.Sorted(maps.Keys(m)) }

// records returns the schema of a list of pools, volumes or secrets, and of a change of them.
func records(kind string, fields []string, types object) object {
	properties := object{}
	for _, name := range fields {
		if properties[name] = types[name]; types[name] == nil {
			properties[name] = orNullOf("string")
		}
	}
	return object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "poolctl -o json: " + kind,
		"description": "What -o json prints about " + kind + ". Fields may be added. With --columns, only the " +
			"fields that were asked for are present. With -o jsonl, each line is a $defs/record.",
		"type": "object",
		"properties": object{
			"schema": object{"const": 1}, "verb": aString, "changed": aBoolean, "commands": aList,
			kind:       object{"type": "array", "items": object{"$ref": "#/$defs/record"}},
			"problems": object{"type": "array", "items": object{"$ref": "error.json#/$defs/problem"}},
		},
		"required":          []string{"schema", kind},
		"dependentRequired": object{"verb": []string{"changed"}, "changed": []string{"verb"}},
		"$defs": object{"record": object{
			"type": "object", "properties": properties, "required": fields,
		}},
	}
}

// errorSchema returns the schema of errors.
func errorSchema() object {
	var codes, words []any
	for _, s := range statuses[1:] {
		codes, words = append(codes, s.Code), append(words, s.Word)
	}
	return object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "poolctl -o json: errors",
		"description": "The last line of standard error, if a verb with -o json fails.",
		"type":        "object", "required": []string{"schema", "error"},
		"properties": object{"schema": object{"const": 1}, "error": object{
			"type": "object", "required": []string{"status", "kind", "text", "hint", "problems"},
			"properties": object{
				"status": object{"enum": codes}, "kind": object{"enum": words}, "text": aString,
				"hint":     orNullOf("string"),
				"problems": object{"type": "array", "items": object{"$ref": "#/$defs/problem"}},
			},
		}},
		"$defs": object{"problem": object{
			"type": "object", "required": []string{"file", "line", "text"}, "properties": object{
				"file": orNullOf("string"), "line": orNullOf("integer"), "text": aString,
			},
		}},
	}
}

// versionSchema returns the schema of the version.
func versionSchema() object {
	return object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "poolctl --version -o json",
		"type":    "object", "required": []string{"schema", "version", "commit", "date", "go", "platform"},
		"properties": object{
			"schema": object{"const": 1}, "version": aString, "commit": orNullOf("string"), "date": aTime,
			"go": aString, "platform": aString,
		},
	}
}

// hostsSchema returns the schema of what a verb prints that ran on several machines.
func hostsSchema() object {
	failure := errorSchema()["properties"].(object)["error"].(object)
	failure["type"] = []string{"object", "null"}
	return object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "poolctl -H HOST,... -o json",
		"description": "Each host has the members that its verb prints, such as pools, and error, which is null " +
			"if the verb succeeded.",
		"type": "object", "required": []string{"schema", "hosts"},
		"properties": object{"schema": object{"const": 1}, "hosts": object{"type": "array", "items": object{
			"required":   []string{"host", "status", "error"}, // and what the verb prints
			"properties": object{"host": aString, "status": object{"type": "integer"}, "error": failure},
		}}},
		"$defs": errorSchema()["$defs"],
	}
}

// checkSchema returns the schema of the result of check.
func checkSchema() object {
	aNumber := object{"type": []string{"number", "null"}}
	finding := object{
		"id": object{"enum": check.IDs()}, "severity": object{"enum": []any{"warning", "critical", "unknown"}},
		"pool": orNullOf("string"), "volume": orNullOf("string"), "object": orNullOf("string"), "text": aString,
		"hint": orNullOf("string"), "value": aNumber, "warning": orNullOf("string"),
		"critical": orNullOf("string"), "reason": orNullOf("string"),
	}
	figure := object{
		"label": aString, "value": object{"type": "number"}, "unit": object{"enum": []any{"B", "%"}},
		"warning": aString, "critical": aString, "min": object{"type": "number"}, "max": aNumber,
	}
	list := func(properties object) object {
		return object{"type": "array", "items": object{
			"type": "object", "properties": properties, "required": sortedKeys(properties),
		}}
	}
	properties := object{
		"schema": object{"const": 1}, "status": object{"enum": []any{"ok", "warning", "critical", "unknown"}},
		"problems": list(finding), "skipped": list(finding), "perfdata": list(figure),
		"pool_count": object{"type": "integer"}, "volume_count": object{"type": "integer"},
		"seconds": object{"type": "number"},
	}
	return object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "poolctl check -o json",
		"type":    "object", "properties": properties, "required": sortedKeys(properties),
	}
}

// schemas returns the schema for each file of docs/schema.
func schemas() map[string]object {
	return map[string]object{
		"changes.json":   desiredSchema(),
		"check.json":     checkSchema(),
		"error.json":     errorSchema(),
		"hosts.json":     hostsSchema(),
		"pools.json":     records("pools", poolFields, poolTypes),
		"secrets.json":   records("secrets", secretFields, secretTypes),
		"nodes.json":     records("nodes", treeFields, treeTypes),
		"snapshots.json": records("snapshots", snapshotFields, snapshotTypes),
		"users.json":     records("users", userFields, userTypes),
		"version.json":   versionSchema(),
		"volumes.json":   records("volumes", volumeFields, volumeTypes),
	}
}

// desiredSchema returns the schema of what diff and apply print.
func desiredSchema() object {
	schema := records("changes", desiredFields, object{
		"kind": object{"enum": []any{"pool", "volume"}}, "pool": aString, "action": aString, "done": aBoolean,
	})
	properties := schema["properties"].(object)
	counts := []string{"added", "updated", "removed", "failed", "left"}
	for _, name := range counts {
		properties[name] = object{"type": "integer", "minimum": 0}
	}
	schema["description"] = "What diff and apply print with -o json. In diff, changed says whether anything " +
		"differs. Fields may be added."
	schema["required"] = append([]string{"schema", "verb", "changed", "changes"}, counts...)
	return schema
}

// TestSchemas checks that docs/schema has the schemas of the fields that are printed. UPDATE=1 writes them.
func TestSchemas(t *testing.T) {
	const dir = "../docs/schema"
	for name, schema := range schemas() {
		want, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		file := filepath.Join(dir, name)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs (%v): UPDATE=1 go test ./commands -run TestSchemas", file, err)
		}
	}
}

// compiled and compiledColumns have the schemas, which permit no other fields. The records of compiledColumns
// need not have all fields.
var (
	compiled        = sync.OnceValues(func() (schemaSet, error) { return compile(false) })
	compiledColumns = sync.OnceValues(func() (schemaSet, error) { return compile(true) })
)

type schemaSet map[string]*jsonschema.Schema

func compile(columns bool) (schemaSet, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	names := []string{"error.json", "version.json", "check.json", "hosts.json"}
	for name, schema := range schemas() {
		defs, _ := schema["$defs"].(object)
		if record, ok := defs["record"].(object); ok {
			names = append(names, name, name+"#/$defs/record")
			if columns {
				delete(record, "required")
			}
		}
		text, err := json.Marshal(closed(schema))
		if err != nil {
			return nil, err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = c.AddResource("test:///"+name, value)
		}
		if err != nil {
			return nil, err
		}
	}
	all := schemaSet{}
	for _, name := range names {
		schema, err := c.Compile("test:///" + name)
		if err != nil {
			return nil, err
		}
		all[name] = schema
	}
	return all, nil
}

// closed returns a schema whose objects permit no fields but their properties.
func closed(schema any) any {
	parts, ok := schema.(object)
	if !ok {
		return schema
	}
	all := object{}
	for name, part := range parts {
		all[name] = closed(part)
	}
	if _, isObject := parts["properties"].(object); isObject && parts["type"] == "object" {
		all["additionalProperties"] = false
	}
	return all
}

// checkJSON checks each JSON document in the output of a command line, and returns how many it has found. A
// document begins at the beginning of a line; what a filter has cut is none.
func checkJSON(command, output string) (found int, err error) {
	all, err := compiled()
	if strings.Contains(command, "--columns") {
		all, err = compiledColumns()
	}
	if err != nil {
		return 0, err
	}
	for rest := "\n" + output; ; {
		_, after, more := strings.Cut(rest, "\n{")
		if !more {
			return found, nil
		}
		rest = "{" + after
		decoder := json.NewDecoder(strings.NewReader(rest))
		decoder.UseNumber()
		var value object
		isWhole := decoder.Decode(&value) == nil
		if !isWhole || value["schema"] == nil && !strings.Contains(command, "jsonl") { // jq prints parts
			continue
		}
		found++
		rest = rest[decoder.InputOffset():]
		if err := all.check(command, value); err != nil {
			return found, fmt.Errorf("%s: %w", command, err)
		}
	}
}

// check checks one document with its schema. A line of -o jsonl has the schema of a record.
func (s schemaSet) check(command string, value object) error {
	name, suffix := "error.json", ""
	switch {
	case value["version"] != nil:
		name = "version.json"
	case value["perfdata"] != nil:
		name = "check.json"
	}
	if value["changes"] != nil {
		name = "changes.json"
	}
	if value["hosts"] != nil {
		name = "hosts.json"
	}
	if value["schema"] == nil {
		suffix = "#/$defs/record"
	}
	if value["nodes"] != nil {
		name = "nodes.json"
	}
	for _, of := range []struct{ verb, kind string }{
		{"pool-", "pools"}, {"vol-", "volumes"}, {"vol-users", "users"}, {"snapshot", "snapshots"},
		{"secret-", "secrets"},
	} {
		if value[of.kind] != nil || suffix != "" && strings.Contains(command, of.verb) {
			name = of.kind + ".json" + suffix
		}
	}
	return s[name].Validate(value)
}
