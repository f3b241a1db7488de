package commands

import "poolctl/commands/manual"

// Man is the hidden verb __man, which prints the manual page. docs/poolctl.8 is its output.
type Man struct{}

// Run prints the page.
func (c *Man) Run(e *env) error {
	fields := manual.Fields{Pool: poolFields, Volume: volumeFields, Secret: secretFields}
	manual.WritePage(e.Data, e.kong.Model, groups, fields, manualStatuses())
	return nil
}
