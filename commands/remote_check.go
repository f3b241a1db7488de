package commands

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"poolctl/backend/check"
	"poolctl/format"
)

// checked returns the result of check on a machine. If there is none, ok is false.
func (r *fleetResult) checked() (result jsonCheck, ok bool) {
	err := json.Unmarshal(r.out.Bytes(), &result)
	return result, err == nil
}

// severity returns the severity of a machine's result. It is Unknown if there is none.
func (r *fleetResult) severity() check.Severity {
	result, ok := r.checked()
	if !ok {
		return check.Unknown
	}
	return severityOf(result.Status)
}

// severityOf returns the severity with a name. It is Unknown if a newer poolctl has another one.
func severityOf(name string) check.Severity {
	for s := check.OK; s <= check.Critical; s++ {
		if s.String() == name {
			return s
		}
	}
	return check.Unknown
}

func worstOfFleet(results []*fleetResult) check.Severity {
	worst := check.OK
	for _, r := range results {
		worst = max(worst, r.severity())
	}
	return worst
}

// A fleetLine is a finding, with the machine that it is about, in one line.
type fleetLine struct {
	severity check.Severity
	text     string
}

// printFleetCheck prints the results of check on several machines as one result of a monitoring plugin: the
// worst findings first, each with its machine.
func (e *env) printFleetCheck(results []*fleetResult) {
	var problems, skipped []fleetLine
	var figures []perfdatum
	for _, r := range results {
		warnings, problem := r.problem()
		fmt.Fprint(e.Stderr, warnings)
		if problem != nil {
			text := r.host + ": " + strings.TrimPrefix(problem.Text, r.host+": ")
			problems = append(problems, fleetLine{check.Unknown, text})
		}
		result, _ := r.checked()
		for _, f := range result.Problems {
			problems = append(problems, fleetLine{severityOf(f.Severity), f.onHost(r.host)})
		}
		for _, f := range result.Skipped {
			f.Hint = nil
			skipped = append(skipped, fleetLine{text: fmt.Sprintf("%s (left out: %v)", f.onHost(r.host), f.Reason)})
		}
		for _, p := range result.Perfdata {
			p.Label = r.host + " " + p.Label
			figures = append(figures, p)
		}
	}
	if !e.Quiet {
		fmt.Fprintln(e.People, pluginText(format.Line(firstFleetLine(results)))+perfText(figures))
	}
	slices.SortStableFunc(problems, func(a, b fleetLine) int { return int(b.severity - a.severity) })
	for _, p := range problems {
		fmt.Fprintf(e.People, "[%s] %s\n", strings.ToUpper(p.severity.String()), pluginText(format.Line(p.text)))
	}
	for _, s := range skipped {
		if !e.Quiet {
			fmt.Fprintf(e.People, "[SKIPPED] %s\n", pluginText(format.Line(s.text)))
		}
	}
}

// firstFleetLine returns the summary of the results: which machines are not well, and how many there are.
func firstFleetLine(results []*fleetResult) string {
	var bad []string
	pools := 0
	for _, r := range results {
		result, _ := r.checked()
		pools += result.PoolCount
		if s := r.severity(); s != check.OK {
			bad = append(bad, fmt.Sprintf("%s %v", r.host, s))
		}
	}
	size := plural(len(results), "machine") + ", " + plural(pools, "pool")
	if bad != nil {
		size = strings.Join(bad, ", ") + " (" + size + ")"
	}
	return "STORAGE " + strings.ToUpper(worstOfFleet(results).String()) + " - " + size
}

// onHost returns a finding in one line, with the command that helps on its machine.
func (f *jsonFinding) onHost(host string) string {
	line := host + ": " + f.ID
	if pool, ok := f.Pool.(string); ok {
		line += " " + pool
	}
	if volume, ok := f.Volume.(string); ok {
		line += "/" + volume
	}
	line += ": " + f.Text
	if hint, ok := f.Hint.(string); ok {
		if rest, isOurs := strings.CutPrefix(hint, "poolctl "); isOurs {
			hint = "poolctl -H " + host + " " + rest
		}
		line += " (" + hint + ")"
	}
	return line
}
