package commands

import (
	"fmt"

	"poolctl/backend/check"
)

// Explain is the verb explain.
type Explain struct {
	ID string `position:"" name:"id" placeholder:"ID" help:"The finding (all, one line each)."`
}

// Help implements kong.HelpProvider.
func (*Explain) Help() string {
	return "Says what a finding of \"poolctl check\" means, what happens if nothing is done, and which " +
		"commands help.\n\n" +
		"  poolctl explain\n" +
		"  poolctl explain thin-metadata"
}

// Run prints an explanation, or lists the findings.
func (c *Explain) Run(e *env) error {
	if c.ID == "" {
		var rows [][]string
		for _, id := range check.IDs() {
			rows = append(rows, []string{id, check.Summary(id)})
		}
		return e.Table([]string{"Finding", "Meaning"}, rows)
	}
	text, ok := check.Explain(c.ID)
	if !ok {
		return &usageError{text: fmt.Sprintf("there is no finding %q: poolctl explain lists them", c.ID)}
	}
	fmt.Fprint(e.People, text)
	return nil
}
