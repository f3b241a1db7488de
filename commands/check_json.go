package commands

import (
	"math"
	"time"

	"poolctl/backend/check"
	"poolctl/format"
	"poolctl/pooldef"
)

// A jsonCheck is the result of check in JSON.
type jsonCheck struct {
	Schema      int           `json:"schema"`
	Status      string        `json:"status"`
	Problems    []jsonFinding `json:"problems"`
	Skipped     []jsonFinding `json:"skipped"`
	Perfdata    []perfdatum   `json:"perfdata"`
	PoolCount   int           `json:"pool_count"`
	VolumeCount int           `json:"volume_count"`
	Seconds     float64       `json:"seconds"`
}

// A jsonFinding is a finding in JSON.
type jsonFinding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Pool     any    `json:"pool"`
	Volume   any    `json:"volume"`
	Object   any    `json:"object"`
	Text     string `json:"text"`
	Hint     any    `json:"hint"`
	Value    any    `json:"value"`
	Warning  any    `json:"warning"`
	Critical any    `json:"critical"`
	Reason   any    `json:"reason"`
}

// printCheckJSON prints a result.
func printCheckJSON(e *env, r *checkResult, took time.Duration) error {
	text, err := format.JSON(jsonCheck{format.Schema, r.worst.String(), jsonFindings(r.problems()),
		jsonFindings(r.skipped), r.perfdata(), len(r.pools), r.volumes, math.Round(took.Seconds()*1000) / 1000})
	if err == nil {
		e.ResultLine(text)
	}
	return err
}

func jsonFindings(found []check.Finding) []jsonFinding {
	list := []jsonFinding{}
	limit := func(r *pooldef.Range) any {
		if r == nil {
			return nil
		}
		return r.String()
	}
	for _, f := range found {
		j := jsonFinding{f.ID, f.Severity.String(), orNull(f.Pool), orNull(f.Volume), orNull(f.Object), f.Text,
			orNull(f.Hint), nil, limit(f.Warning), limit(f.Critical), orNull(f.Reason)}
		if f.Value != nil {
			j.Value = math.Round(*f.Value*100) / 100
		}
		list = append(list, j)
	}
	return list
}
