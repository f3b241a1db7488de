package commands

import "poolctl/pooldef/codec"

// SecretDumpxml is the verb secret-dumpxml.
type SecretDumpxml struct {
	Secret string `arg:"" help:"Uuid of the secret, or what it is for."`
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
