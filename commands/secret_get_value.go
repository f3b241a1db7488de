package commands

import (
	"encoding/base64"
	"fmt"
	"io/fs"
)

// SecretGetValue is the verb secret-get-value.
type SecretGetValue struct {
	Secret string `arg:"" help:"Uuid or usage of the secret."`
	Plain  bool   `help:"Print the raw value, not base64."`
}

// Help implements kong.HelpProvider.
func (c *SecretGetValue) Help() string {
	return "The value of a private secret is never shown. With -q only the value is printed, without " +
		"a newline.\n\n" +
		"  poolctl -q secret-get-value --plain 2ec115d7-3a88-3ceb-bc12-0ac909a6fd87 >key"
}

// Run prints a value.
func (c *SecretGetValue) Run(e *env) error {
	entry, err := e.findSecret(c.Secret)
	switch {
	case err != nil:
		return err
	case entry.Secret.Private:
		return fmt.Errorf("secret %s is private: %w", entry.UUID, fs.ErrPermission)
	case e.cli.Readonly: // as in virsh, a read-only user cannot see it
		return fmt.Errorf("the value of a secret is not shown with --readonly: %w", fs.ErrPermission)
	}
	value, err := e.driver.Store.ValueOf(entry)
	if err != nil {
		return err
	}
	if !c.Plain {
		value = base64.StdEncoding.AppendEncode(nil, value)
	}
	e.Result(string(value))
	return nil
}
