package commands

import (
	"fmt"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// FindStoragePoolSources is the verb find-storage-pool-sources.
type FindStoragePoolSources struct {
	Type    string `arg:"" help:"Type of pool."`
	SrcSpec string `name:"srcSpec" file:"" position:"" placeholder:"FILE" help:"Where to look: a <source> document in XML; - is standard input."`
}

// Help implements kong.HelpProvider.
func (*FindStoragePoolSources) Help() string {
	return "  poolctl find-storage-pool-sources netfs source.xml"
}

// Run searches where a file says.
func (c *FindStoragePoolSources) Run(e *env) error {
	info, err := poolType("find-storage-pool-sources", c.Type)
	if err != nil {
		return err
	}
	var spec pooldef.Source
	if c.SrcSpec != "" {
		data, err := e.readInput(c.SrcSpec)
		if err != nil {
			return err
		}
		if spec, err = codec.ReadSource(inputName(c.SrcSpec), data, info); err != nil {
			return err
		}
	}
	return e.findSources(info, &spec)
}

// poolType returns the pool type with a name.
func poolType(verb, name string) (*pooldef.TypeInfo, error) {
	info := pooldef.Type(name).Info()
	if info == nil {
		return nil, &usageError{verb, fmt.Sprintf("%q is not a pool type", name)}
	}
	return info, nil
}

// findSources prints the sources that pools of a type could use.
func (e *env) findSources(info *pooldef.TypeInfo, spec *pooldef.Source) error {
	found, err := e.driver.Discover(e.ctx, info.Type, spec)
	if err != nil {
		return fmt.Errorf("find sources of %s pools: %w", info.Type, err)
	}
	root := &xmltree.Element{Name: "sources", Open: true}
	for _, s := range found {
		root.Add(codec.SourceElement(&s, info))
	}
	e.Result(root.String())
	return nil
}
