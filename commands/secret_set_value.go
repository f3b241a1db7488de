package commands

import (
	"fmt"

	"poolctl/commands/terminal"
	"poolctl/pooldef/store"
)

// SecretSetValue is the verb secret-set-value.
type SecretSetValue struct {
	Secret      string `arg:"" help:"Uuid or usage of the secret."`
	Base64      string `name:"base64" position:"" hidden:""` // accepted only under the name virsh
	File        string `file:"stdin" placeholder:"FILE" help:"Read the value from this file; - is standard input."`
	Plain       bool   `help:"The file contains the raw value, not base64."`
	Interactive bool   `help:"Prompt for the raw value on the terminal."`
	changing
}

// Help implements kong.HelpProvider.
func (c *SecretSetValue) Help() string {
	return "The value is read from a file or from standard input; on a terminal, poolctl prompts for " +
		"it without echo. It is never an argument, because every user can see those. A file " +
		"contains the value in base64, or with --plain the raw value, including any trailing " +
		"newline. The limit is 65536 bytes.\n\n" +
		"  poolctl secret-set-value 2ec115d7-3a88-3ceb-bc12-0ac909a6fd87 --file ceph.key\n" +
		"  pass show san | tr -d '\\n" +
		"' | poolctl secret-set-value san --plain"
}

// Run stores a value.
func (c *SecretSetValue) Run(e *env) error {
	if err := c.check(e); err != nil {
		return err
	}
	if err := c.set(e); err != nil {
		return fmt.Errorf("set value of secret %q: %w", c.Secret, err)
	}
	e.Say("Secret value set")
	return nil
}

func (c *SecretSetValue) check(e *env) error {
	verb := "secret-set-value"
	isTerminal := terminal.CanAsk()
	switch {
	case c.Base64 != "" && e.asVirsh:
		return c.checkArgument(e)
	case c.Base64 != "":
		return &usageError{verb, "a value is not accepted on the command line, " +
			"where every user can see it: use --file, or standard input"}
	case c.Interactive && c.File != "":
		return exclusive(verb, "interactive", "file")
	case c.Interactive && c.Plain:
		return exclusive(verb, "interactive", "plain")
	case c.Interactive && !isTerminal:
		return &usageError{verb, "--interactive: standard input is not a terminal"}
	case c.Plain && c.File == "" && isTerminal:
		return &usageError{verb, "--plain needs --file, or standard input that is not a terminal"}
	}
	if c.File == "" && !isTerminal {
		c.File = "-"
	}
	return nil
}

// checkArgument accepts a value on the command line, under the name virsh only, with virsh's warning.
func (c *SecretSetValue) checkArgument(e *env) error {
	const verb = "secret-set-value"
	switch {
	case c.Plain:
		return exclusive(verb, "plain", "base64")
	case c.File != "":
		return exclusive(verb, "file", "base64")
	case c.Interactive:
		return exclusive(verb, "interactive", "base64")
	}
	fmt.Fprintln(e.Stderr, "error: Passing secret value as command-line argument is insecure!")
	return nil
}

// set finds the secret before the user types the value, and again under the lock.
func (c *SecretSetValue) set(e *env) error {
	if _, err := e.findSecret(c.Secret); err != nil {
		return err
	}
	value, err := c.value(e)
	if err != nil {
		return err
	}
	unlock, err := e.driver.LockDefinitions(e.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	entry, err := e.driver.Store.Secret(c.Secret)
	if err != nil {
		return err
	}
	e.reportSecret(entry)
	return e.driver.Store.SetSecretValue(entry, value)
}

// value reads the value. Its errors do not contain the value.
func (c *SecretSetValue) value(e *env) ([]byte, error) {
	if c.Base64 != "" {
		value, err := store.DecodeSecret([]byte(c.Base64))
		if err != nil {
			return nil, &usageError{"secret-set-value", "--base64: " + err.Error()}
		}
		return value, nil
	}
	if c.File == "" {
		value, err := e.AskSecret(e.ctx, "Enter new value for secret:")
		if err == nil {
			err = store.CheckSecret(value)
		}
		return value, err
	}
	value, err := e.readInput(c.File)
	if err != nil {
		return nil, err
	}
	if c.Plain {
		err = store.CheckSecret(value)
	} else {
		value, err = store.DecodeSecret(value)
	}
	if err != nil {
		return nil, &usageError{"secret-set-value", inputName(c.File) + ": " + err.Error()}
	}
	return value, nil
}
