package commands

// Help is the verb help.
type Help struct {
	Verb string `position:"" placeholder:"VERB" help:"Verb to show help for."`
}

// Run shows help for a verb, or the list of verbs. kong prints it with [manual.HelpPrinter].
func (c *Help) Run(e *env) error {
	args := []string{"--help"}
	if c.Verb != "" {
		args = []string{c.Verb, "--help"}
	}
	_, err := e.kong.Parse(args)
	return parseError(err)
}
