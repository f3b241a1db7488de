package commands

import (
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// PoolCapabilities is the verb pool-capabilities.
type PoolCapabilities struct{}

// Help implements kong.HelpProvider.
func (*PoolCapabilities) Help() string {
	return "  poolctl pool-capabilities"
}

// Run prints a document with the features of each pool type.
func (c *PoolCapabilities) Run(e *env) error {
	root := &xmltree.Element{Name: "storagepoolCapabilities"}
	for _, t := range pooldef.Types {
		_, supported := e.driver.Backends[t.Type]
		pool := root.Add(xmltree.NewElement("pool", "type", string(t.Type), "supported", noYes(supported)))
		pool.Open = true
		if len(t.Formats) > 0 {
			pool.Add(formats("poolOptions", "sourceFormatType", t.DefaultFormat(), t.Formats))
		}
		if t.DefaultVolumeFormat != "" {
			pool.Add(formats("volOptions", "targetFormatType", t.DefaultVolumeFormat, t.VolumeFormats))
		}
	}
	e.Result(root.String() + "\n")
	return nil
}

func formats(name, enum, standard string, values []string) *xmltree.Element {
	options := &xmltree.Element{Name: name}
	options.Add(xmltree.NewElement("defaultFormat", "type", standard))
	list := options.Add(xmltree.NewElement("enum", "name", enum))
	list.Open = true
	for _, v := range values {
		list.AddText("value", v)
	}
	return options
}
