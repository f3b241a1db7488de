package commands

import (
	"encoding/json"
	"fmt"
	"strings"

	"poolctl/backend/fault"
	"poolctl/format"
)

// printFleetJSON prints one document with what each machine printed as JSON, and the warnings of the machines
// on standard error.
func (e *env) printFleetJSON(results []*fleetResult) error {
	hosts := make([]map[string]any, len(results))
	for i, r := range results {
		members := map[string]any{}
		_ = json.Unmarshal(r.out.Bytes(), &members) // without a document, there is an error
		delete(members, "schema")
		members["host"], members["status"], members["error"] = r.host, r.status, nil
		warnings, problem := r.problem()
		fmt.Fprint(e.Stderr, warnings)
		if problem != nil {
			members["error"] = problem
		}
		hosts[i] = members
	}
	text, err := format.JSON(map[string]any{"schema": format.Schema, "hosts": hosts})
	if err == nil {
		e.Result(text + "\n")
	}
	return err
}

// problem returns the warnings of a machine, and its error, or nil. With -o json, the error is the last line
// of what poolctl prints there on standard error. A status without an error, such as that of check, is a
// result.
func (r *fleetResult) problem() (warnings string, problem *jsonError) {
	text := r.errs.String()
	if r.err != nil {
		return text, newJSONError(r.status, r.err.Error(), fault.Hint(r.err, fault.Of(r.err)), nil)
	}
	last := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
	var document struct{ Error *jsonError }
	err := json.Unmarshal([]byte(text[last:]), &document)
	switch {
	case err == nil && document.Error != nil:
		return text[:last], document.Error
	case r.status == statusDone || json.Valid(r.out.Bytes()):
		return text, nil
	}
	return "", newJSONError(r.status, strings.TrimSpace(text), "", nil)
}
