package commands

import (
	"fmt"
	"strconv"

	"poolctl/backend"
	"poolctl/format"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// VolCreateAs is the verb vol-create-as.
type VolCreateAs struct {
	Pool             string `arg:"" help:"Name or uuid of the pool."`
	Name             string `arg:"" help:"Name of the volume."`
	Capacity         string `arg:"" help:"Size in bytes, or as 10G, 1.5TiB."`
	Allocation       string `position:"" placeholder:"SIZE" help:"Space to allocate now, for raw volumes (default: the full capacity)."`
	Format           string `position:"" placeholder:"FORMAT" help:"Format: raw (default), qcow2, vmdk, vdi, vpc, qcow, qed, dir."`
	BackingVol       string `position:"" placeholder:"VOL" help:"Backing volume: name, key or path."`
	BackingVolFormat string `position:"" placeholder:"FORMAT" help:"Format of the backing volume. Required unless the backing volume looks raw."`
	PrintXml         bool   `help:"Print the XML document, and change nothing."`
	preallocation
	ifMissing
	changing
}

// Help implements kong.HelpProvider.
func (c *VolCreateAs) Help() string {
	return "  poolctl vol-create-as images disk.raw 20G --allocation 0\n" +
		"  poolctl vol-create-as images disk.qcow2 20G --format qcow2\n" +
		"  poolctl vol-create-as images vm1.qcow2 20G --format qcow2 \\\n" +
		"    --backing-vol disk.qcow2 --backing-vol-format qcow2"
}

// Run creates a volume.
func (c *VolCreateAs) Run(e *env) error {
	if err := c.run(e); err != nil {
		return fmt.Errorf("create volume %q: %w", c.Name, err)
	}
	return nil
}

func (c *VolCreateAs) run(e *env) error {
	entry, b, unlock, err := e.driver.ActivePool(e.ctx, c.Pool)
	defer unlock()
	if err != nil {
		return err
	}
	document, err := c.element(e, b, entry.Current())
	if err != nil {
		return err
	}
	if c.PrintXml {
		e.Result(document.String())
		return nil
	}
	v, err := codec.VolumeFromElement(document, entry.Current().Type.Info())
	if err != nil {
		return err
	}
	create := func() error { return e.createVolume(b, entry.Current(), v, &c.preallocation) }
	return c.create(e, b, entry.Current(), v, create, "Vol %s created", c.Name)
}

// element builds the same document as virsh.
func (c *VolCreateAs) element(e *env, b backend.Backend, p *pooldef.Pool) (*xmltree.Element, error) {
	root := xmltree.NewElement("volume")
	root.AddText("name", c.Name)
	for _, s := range [][2]string{{"capacity", c.Capacity}, {"allocation", c.Allocation}} {
		if s[1] == "" {
			continue
		}
		n, err := format.ParseSize(s[1])
		if err != nil {
			return nil, (&usageError{"vol-create-as", fmt.Sprintf("%s: %v", s[0], err)}).
				asVirsh("Malformed size %s", s[1])
		}
		root.AddText(s[0], strconv.FormatUint(n, 10))
	}
	if c.Format != "" {
		root.Add(xmltree.NewElement("target")).Add(xmltree.NewElement("format", "type", c.Format))
	}
	if c.BackingVol != "" {
		path, err := e.driver.BackingPath(e.ctx, b, p, c.BackingVol)
		if err != nil {
			return nil, err
		}
		backing := root.Add(xmltree.NewElement("backingStore"))
		backing.AddText("path", path)
		if c.BackingVolFormat != "" {
			backing.Add(xmltree.NewElement("format", "type", c.BackingVolFormat))
		}
	}
	return root, nil
}
