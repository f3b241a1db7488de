package commands

import (
	"fmt"

	"poolctl/backend/check"
	"poolctl/commands/manual"
)

// Man is the hidden verb __man, which prints the front page of the manual, the page of a verb, or the
// beginning of the page of a document. docs/man has its output.
type Man struct {
	Name string `arg:"" optional:""`
}

// Run prints the page.
func (c *Man) Run(e *env) error {
	m := e.manual()
	switch {
	case c.Name == "":
		m.WritePage(e.Data)
	case !m.WriteVerbPage(e.Data, c.Name) && !manual.WriteDocumentStart(e.Data, c.Name):
		return &usageError{text: fmt.Sprintf("there is no verb and no document %q", c.Name)}
	}
	return nil
}

// findings returns the findings of check, or only the optional ones, with what they mean.
func findings(optional bool) []manual.Candidate {
	var all []manual.Candidate
	for _, id := range check.IDs() {
		if !optional || check.IsOptional(id) {
			all = append(all, manual.Candidate{Word: id, Help: check.Summary(id)})
		}
	}
	return all
}

// manual returns the manual of this program.
func (e *env) manual() *manual.Manual {
	return &manual.Manual{
		Model: e.kong.Model, Groups: groups, Statuses: manualStatuses(),
		Fields:   manual.Fields{Pool: poolFields, Volume: volumeFields, Secret: secretFields},
		Findings: findings(false),
	}
}
