package commands

import "poolctl/pooldef/codec"

// SecretDumpxml is the verb secret-dumpxml.
type SecretDumpxml struct {
	Secret string `arg:"" help:"Uuid or usage of the secret."`
	xpathFlags
}

// Help implements kong.HelpProvider.
func (*SecretDumpxml) Help() string {
	return "  poolctl secret-dumpxml 2ec115d7-3a88-3ceb-bc12-0ac909a6fd87"
}

// Run prints a secret's document.
func (c *SecretDumpxml) Run(e *env) error {
	entry, err := e.findSecret(c.Secret)
	if err != nil {
		return err
	}
	return e.printXML(codec.SecretElement(entry.Secret), c.xpathFlags)
}
