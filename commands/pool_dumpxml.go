package commands

import (
	"fmt"

	"poolctl/backend/driver"
	"poolctl/format/xmltree"
	"poolctl/pooldef/codec"
	"poolctl/pooldef/store"
)

// PoolDumpxml is the verb pool-dumpxml.
type PoolDumpxml struct {
	Pool     string `arg:"" help:"Name or uuid of the pool."`
	Inactive bool   `help:"Print the definition for the next start."`
	Yaml     bool   `help:"Print the definition in YAML, as pool-define reads it."`
	xpathFlags
}

// xpathFlags select parts of a document.
type xpathFlags struct {
	Xpath string `placeholder:"EXPRESSION" help:"Print only the nodes that this XPath expression selects."`
	Wrap  bool   `help:"With --xpath: wrap the nodes in one <nodes> element."`
}

// Help implements kong.HelpProvider.
func (c *PoolDumpxml) Help() string {
	return "  poolctl pool-dumpxml images --xpath '//target/path/text()'\n" +
		"  poolctl pool-dumpxml images --yaml >images.yaml"
}

// Run prints a pool's document.
func (c *PoolDumpxml) Run(e *env) error {
	entry, unlock, err := e.driver.LockPool(e.ctx, c.Pool, store.Shared)
	defer unlock()
	if err != nil {
		return err
	}
	if c.Yaml {
		if c.Xpath != "" {
			text := "--xpath needs the XML document, not --yaml"
			return &usageError{"pool-dumpxml", text}
		}
		s := driver.Status{Entry: entry, Pool: entry.Current()}
		text, err := codec.PoolYAML(s.Definition(c.Inactive))
		e.Result(string(text))
		return err
	}
	s := e.driver.Status(e.ctx, entry)
	document, err := e.poolDocument(&s, c.Inactive)
	if err != nil {
		return fmt.Errorf("pool %q: %w", c.Pool, err)
	}
	return e.printXML(document, c.xpathFlags)
}

// printXML prints a document, or the parts of it that an XPath expression selects.
func (e *env) printXML(document *xmltree.Element, x xpathFlags) error {
	text := document.String()
	if x.Xpath != "" {
		var err error
		if text, err = document.XPath(x.Xpath, x.Wrap); err != nil {
			return &usageError{text: err.Error()}
		}
	}
	e.Result(text)
	return nil
}
