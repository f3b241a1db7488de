package commands

import "fmt"

// Help is the verb help.
type Help struct {
	Verb string `position:"" placeholder:"VERB" help:"Verb or topic to show help for. Topics: yaml, statuses, environment, output, systemd."`
}

// Help implements kong.HelpProvider.
func (*Help) Help() string {
	return "  poolctl help vol-create-as\n" +
		"  poolctl help output"
}

// Run shows help for a verb, a topic, or the list of verbs. kong prints it with [manual.HelpPrinter].
func (c *Help) Run(e *env) error {
	if text, ok := e.manual().Topic(c.Verb); ok {
		fmt.Fprint(e.People, text)
		return nil
	}
	args := []string{"--help"}
	if c.Verb != "" {
		args = []string{c.Verb, "--help"}
	}
	_, err := e.kong.Parse(args)
	if e.helped { // in a batch, kong does not end the process
		return nil
	}
	return parseError(err)
}
