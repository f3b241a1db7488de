package commands

import (
	"fmt"

	"poolctl/commands/manual"
)

// Completion is the verb completion.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help implements kong.HelpProvider.
func (c *Completion) Help() string {
	return "  poolctl completion bash >/etc/bash_completion.d/poolctl\n" +
		"  poolctl completion zsh >/usr/local/share/zsh/site-functions/_poolctl\n" +
		"  poolctl completion fish >/etc/fish/completions/poolctl.fish"
}

// Run prints the script for a shell.
func (c *Completion) Run(e *env) error {
	script, err := manual.Script(c.Shell)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.Data, "%s", script)
	return err
}
