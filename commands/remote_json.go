package commands

import (
	"fmt"

	"poolctl/format"
)

// printFleetJSON prints one document with what each machine printed as JSON, and the warnings of the machines
// on standard error.
func (e *env) printFleetJSON(results []*fleetResult) error {
	hosts := make([]map[string]any, len(results))
	for i, r := range results {
		members := map[string]any{}
		for name, value := range r.document {
			members[name] = value
		}
		delete(members, "schema")
		members["host"], members["status"], members["error"] = r.host, r.exitStatus(), nil
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
