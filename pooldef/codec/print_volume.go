package codec

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// VolumeElement returns a volume's document as libvirt prints it.
func VolumeElement(v *pooldef.Volume) *xmltree.Element {
	root := xmltree.NewElement("volume", "type", v.Type)
	root.AddText("name", v.Name).AddText("key", v.Key)
	addExtents(root, v.Extents)
	for _, figure := range []struct {
		name string
		size pooldef.Size
		skip bool
	}{
		{"capacity", v.Capacity, false},
		{"allocation", v.Allocation, false},
		{"physical", v.Physical, v.Physical.Bytes == 0},
	} {
		if figure.size.Known && !figure.skip {
			addBytes(root, figure.name, figure.size.Bytes)
		}
	}
	root.Add(imageElement("target", &v.Target))
	if v.Backing != nil {
		root.Add(backingElement(v))
	}
	return root
}

// backingElement returns the element of the backing file. If the whole chain is known, each element contains
// the next one, as in libvirt's documents of domains.
func backingElement(v *pooldef.Volume) *xmltree.Element {
	if len(v.Chain) == 0 {
		return imageElement("backingStore", v.Backing)
	}
	var store *xmltree.Element
	for _, image := range slices.Backward(v.Chain) {
		above := imageElement("backingStore", &image.Target)
		if store != nil {
			above.Add(store)
		}
		store = above
	}
	return store
}

// addExtents adds the extents; consecutive extents of one device share an element.
func addExtents(root *xmltree.Element, extents []pooldef.Extent) {
	if len(extents) == 0 {
		return
	}
	source := root.Add(xmltree.NewElement("source"))
	var device *xmltree.Element
	for i, x := range extents {
		if i == 0 || x.Device != extents[i-1].Device {
			device = source.Add(xmltree.NewElement("device", "path", x.Device))
		}
		device.Add(rangeElement("extent", x.Start, x.End))
	}
}

// imageElement returns the element of an image: target or backingStore.
func imageElement(name string, t *pooldef.VolumeTarget) *xmltree.Element {
	e := xmltree.NewElement(name)
	e.Open = true
	e.AddText("path", t.Path)
	if t.Format != "" {
		e.Add(xmltree.NewElement("format", "type", xmlFormat(t.Format)))
	}
	addPermissions(e, &t.Permissions)
	if t.Times != nil {
		addTimes(e, t.Times)
	}
	if t.Encryption != nil {
		e.Add(encryptionElement(t.Encryption))
	}
	e.AddText("compat", t.Compat)
	if t.NoCOW {
		e.Add(xmltree.NewElement("nocow"))
	}
	if t.ClusterSize > 0 {
		size := xmltree.NewElement("clusterSize", "unit", "B")
		size.Text = strconv.FormatUint(t.ClusterSize, 10)
		e.Add(size)
	}
	if t.Features {
		addFeatures(e, t)
	}
	return e
}

// xmlFormat returns the name of an image format in a volume's document. libvirt's schema has no name for
// VHDX.
func xmlFormat(format string) string {
	if format == "vhdx" {
		return "unknown"
	}
	return format
}

func addFeatures(parent *xmltree.Element, t *pooldef.VolumeTarget) {
	features := parent.Add(xmltree.NewElement("features"))
	if t.LazyRefcounts {
		features.Add(xmltree.NewElement("lazy_refcounts"))
	}
	if t.ExtendedL2 {
		features.Add(xmltree.NewElement("extended_l2"))
	}
}

func addTimes(parent *xmltree.Element, t *pooldef.Timestamps) {
	e := parent.Add(xmltree.NewElement("timestamps"))
	e.AddText("atime", formatTime(t.Access)).AddText("mtime", formatTime(t.Modify))
	e.AddText("ctime", formatTime(t.Change)).AddText("btime", formatTime(t.Birth))
}

// formatTime formats a time as libvirt does: seconds with nine decimals, or without decimals if there are no
// nanoseconds. An unknown time is 0.
func formatTime(t time.Time) string {
	switch {
	case t.IsZero():
		return "0"
	case t.Nanosecond() == 0:
		return strconv.FormatInt(t.Unix(), 10)
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

func encryptionElement(c *pooldef.Encryption) *xmltree.Element {
	e := xmltree.NewElement("encryption", "format", c.Format, "engine", c.Engine)
	e.Open = true
	for _, s := range c.Secrets {
		e.Add(secretRefElement(&s))
	}
	if c.Cipher != nil {
		e.Add(xmltree.NewElement("cipher", "name", c.Cipher.Name, "size", strconv.Itoa(c.Cipher.Bits),
			"mode", c.Cipher.Mode, "hash", c.Cipher.Hash))
	}
	if c.IVGen != nil {
		e.Add(xmltree.NewElement("ivgen", "name", c.IVGen.Name, "hash", c.IVGen.Hash))
	}
	return e
}
