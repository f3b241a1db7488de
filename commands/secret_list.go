package commands

import (
	"io"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// SecretList is the verb secret-list.
type SecretList struct {
	Ephemeral   bool `help:"Only ephemeral secrets."`
	NoEphemeral bool `help:"Only persistent secrets."`
	Private     bool `help:"Only private secrets."`
	NoPrivate   bool `help:"Only secrets that are not private."`
	output
}

// Help implements kong.HelpProvider.
func (c *SecretList) Help() string {
	return "Lists the usage of each secret, but not its value.\n\n" +
		"  poolctl secret-list -o json | jq '.secrets[] | select(.has_value | not) | .uuid'"
}

// Run lists secrets.
func (c *SecretList) Run(e *env) error {
	if err := c.pick(secretFields); err != nil {
		return err
	}
	e.warnMissing()
	entries, err := e.allSecrets()
	if err != nil {
		return err
	}
	var secrets []*store.SecretEntry
	for _, entry := range entries {
		if c.matches(entry.Secret) {
			secrets = append(secrets, entry)
		}
	}
	if !c.isForPeople() {
		return e.printSecrets(&c.output, secrets)
	}
	var rows [][]string
	for _, entry := range secrets {
		rows = append(rows, []string{entry.UUID, entry.Secret.Purpose()})
	}
	return e.Table([]string{"UUID", "Usage"}, rows)
}

// matches reports whether a secret passes all filters.
func (c *SecretList) matches(s *pooldef.Secret) bool {
	either := func(yes, no, is bool) bool { return yes == no || yes == is }
	return either(c.Ephemeral, c.NoEphemeral, s.Ephemeral) && either(c.Private, c.NoPrivate, s.Private)
}

// printSecrets prints secrets in a machine-readable style.
func (e *env) printSecrets(o *output, secrets []*store.SecretEntry) error {
	if o.Output == "xml" {
		root := &xmltree.Element{Name: "secrets", Open: true}
		for _, entry := range secrets {
			root.Add(codec.SecretElement(entry.Secret))
		}
		_, err := io.WriteString(e.Results, root.String())
		return err
	}
	printer := o.records(e, "secrets", secretFields)
	for _, entry := range secrets {
		if err := printer.add(secretValues(entry)); err != nil {
			return err
		}
	}
	return printer.close()
}
