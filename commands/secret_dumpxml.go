package commands

import "poolctl/pooldef/codec"

// SecretDumpxml is the verb secret-dumpxml.
type SecretDumpxml struct {
	Secret string `arg:"" help:"Uuid or usage of the secret."`
	xpathFlags
}

// Run prints a secret's document.
func (c *SecretDumpxml) Run(e *env) error {
	entry, err := e.findSecret(c.Secret)
	if err != nil {
		return err
	}
	return e.printXML(codec.SecretElement(entry.Secret), c.xpathFlags)
}
