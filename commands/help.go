package commands

import (
	"github.com/alecthomas/kong"
)

// Help is the verb help.
type Help struct {
	Verb string `position:"" placeholder:"VERB" help:"Verb to explain."`
}

// Run shows help on a verb, or on all.
func (c *Help) Run(e *env) error {
	args := []string{"--help"}
	if c.Verb != "" {
		args = []string{c.Verb, "--help"}
	}
	_, err := e.kong.Parse(args)
	return err
}

// printHelp shows a verb's own help, or the list of verbs.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	return kong.DefaultHelpPrinter(options, ctx)
}
