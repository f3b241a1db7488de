package commands

import (
	"fmt"

	"poolctl/backend/check"
	"poolctl/commands/manual"
)

// Man is the hidden verb __man, which prints the front page of the manual, or the page of a verb. docs/man
// has its output.
type Man struct {
	Verb string `arg:"" optional:""`
}

// Run prints the page.
func (c *Man) Run(e *env) error {
	m := e.manual()
	if c.Verb == "" {
		m.WritePage(e.Data)
	} else if !m.WriteVerbPage(e.Data, c.Verb) {
		return &usageError{text: fmt.Sprintf("there is no verb %q", c.Verb)}
	}
	return nil
}

// findings returns the findings of check, with what they mean.
func findings() []manual.Candidate {
	var all []manual.Candidate
	for _, id := range check.IDs() {
		all = append(all, manual.Candidate{Word: id, Help: check.Summary(id)})
	}
	return all
}

// manual returns the manual of this program.
func (e *env) manual() *manual.Manual {
	return &manual.Manual{
		Model: e.kong.Model, Groups: groups, Statuses: manualStatuses(),
		Fields:   manual.Fields{Pool: poolFields, Volume: volumeFields, Secret: secretFields},
		Findings: findings(),
	}
}
