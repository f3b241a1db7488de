package commands

import (
	"fmt"

	"poolctl/pooldef/store"
)

// SecretUndefine is the verb secret-undefine.
type SecretUndefine struct {
	Secret string `arg:"" help:"Uuid or usage of the secret."`
	changing
}

// Help implements kong.HelpProvider.
func (*SecretUndefine) Help() string {
	return "  poolctl secret-undefine 2ec115d7-3a88-3ceb-bc12-0ac909a6fd87"
}

// Run removes a secret and its value, even one that cannot be used.
func (c *SecretUndefine) Run(e *env) error {
	entry, err := c.undefine(e)
	if err != nil {
		return fmt.Errorf("undefine secret %q: %w", c.Secret, err)
	}
	e.reportSecret(entry)
	e.Say("Secret %s deleted", entry.UUID)
	return nil
}

func (c *SecretUndefine) undefine(e *env) (*store.SecretEntry, error) {
	unlock, err := e.driver.LockDefinitions(e.ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	entry, err := e.driver.Store.Secret(c.Secret)
	if entry == nil || entry.File == "" {
		return nil, err
	}
	if err != nil {
		e.Warn("the definition could not be used: %w", err)
	}
	return entry, e.driver.Store.UndefineSecret(entry)
}
