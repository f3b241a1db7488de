package commands

// Help is the verb help.
type Help struct {
	Verb string `position:"" placeholder:"VERB" help:"Verb to show help for."`
}

// Help implements kong.HelpProvider.
func (*Help) Help() string {
	return "  poolctl help vol-create-as"
}

// Run shows help for a verb, or the list of verbs. kong prints it with [manual.HelpPrinter].
func (c *Help) Run(e *env) error {
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
