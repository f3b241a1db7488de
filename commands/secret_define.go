package commands

import (
	"fmt"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// SecretDefine is the verb secret-define.
type SecretDefine struct {
	File     string `arg:"" file:"" help:"Definition, XML or YAML; - is standard input."`
	Validate bool   `help:"Reject unknown elements and attributes."`
	changing
}

// Help implements kong.HelpProvider.
func (c *SecretDefine) Help() string {
	return "To change a secret, define it again with the same uuid; its value remains. Its usage " +
		"cannot be changed.\n\n" +
		"  poolctl secret-define ceph.yaml\n\n" +
		"with ceph.yaml such as\n\n" +
		"  usage:\n" +
		"    type: ceph\n" +
		"    name: client.admin secret"
}

// Run stores a definition.
func (c *SecretDefine) Run(e *env) error {
	s, err := c.define(e)
	if err != nil {
		return fmt.Errorf("define secret from %s: %w", c.File, err)
	}
	e.reportSecret(&store.SecretEntry{UUID: s.UUID, Secret: s})
	e.Say("Secret %s created", s.UUID)
	return nil
}

func (c *SecretDefine) define(e *env) (*pooldef.Secret, error) {
	data, err := e.readInput(c.File)
	if err != nil {
		return nil, err
	}
	s, warnings, err := codec.ReadSecret(inputName(c.File), data, c.Validate)
	for _, w := range warnings {
		e.Warn("%w", w)
	}
	if err != nil {
		return nil, err
	}
	unlock, err := e.driver.LockDefinitions(e.ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s, e.driver.Store.DefineSecret(s)
}
