package commands

import "poolctl/commands/manual"

// Man is the hidden verb __man, which prints the manual page. docs/poolctl.8 is its output.
type Man struct{}

// Run prints the page.
func (c *Man) Run(e *env) error {
	e.manual().WritePage(e.Data)
	return nil
}

// manual returns the manual of this program.
func (e *env) manual() *manual.Manual {
	return &manual.Manual{
		Model: e.kong.Model, Groups: groups, Statuses: manualStatuses(),
		Fields: manual.Fields{Pool: poolFields, Volume: volumeFields, Secret: secretFields},
	}
}
