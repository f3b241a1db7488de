package commands

import (
	"poolctl/format"
	"poolctl/pooldef"
)

// PoolCapabilities is the verb pool-capabilities.
type PoolCapabilities struct{}

// Run prints the document of what each pool type supports.
func (c *PoolCapabilities) Run(e *env) error {
	root := &format.Element{Name: "storagepoolCapabilities"}
	for _, t := range pooldef.Types {
		_, supported := e.driver.Backends[t.Type]
		pool := root.Add(format.NewElement("pool", "type", string(t.Type), "supported", noYes(supported)))
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

func formats(name, enum, standard string, values []string) *format.Element {
	options := &format.Element{Name: name}
	options.Add(format.NewElement("defaultFormat", "type", standard))
	list := options.Add(format.NewElement("enum", "name", enum))
	list.Open = true
	for _, v := range values {
		list.AddText("value", v)
	}
	return options
}
