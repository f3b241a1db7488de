package codec

import (
	"fmt"
	"strconv"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// Namespaces of libvirt's extensions to the pool document.
const (
	fsNamespace  = "http://libvirt.org/schemas/storagepool/fs/1.0"
	rbdNamespace = "http://libvirt.org/schemas/storagepool/rbd/1.0"
)

// PoolElement returns a pool's document as libvirt prints it, with the given space; nil prints zeros. Parts
// that the pool's type does not use are left out.
func PoolElement(p *pooldef.Pool, space *pooldef.Space) *xmltree.Element {
	if space == nil {
		space = &pooldef.Space{}
	}
	info := p.Type.Info()
	root := xmltree.NewElement("pool", "type", string(p.Type))
	root.AddText("name", p.Name).AddText("uuid", p.UUID)
	addBytes(root, "capacity", space.Capacity)
	addBytes(root, "allocation", space.Allocation)
	addBytes(root, "available", space.Available)
	if p.COW != nil {
		root.Add(xmltree.NewElement("features")).Add(xmltree.NewElement("cow", "state", yesNo(p.COW)))
	}
	root.Add(SourceElement(&p.Source, info))
	if info.Target != pooldef.Unused {
		root.Add(targetElement(&p.Target))
	}
	if p.Refresh != "" {
		root.Add(xmltree.NewElement("refresh")).Add(xmltree.NewElement("volume", "allocation", p.Refresh))
	}
	addExtensions(root, p)
	return root
}

// addExtensions adds mount options and Ceph's options in their namespaces. It adds poolctl's own settings as
// a processing instruction, because libvirt and its schema ignore those.
func addExtensions(root *xmltree.Element, p *pooldef.Pool) {
	if len(p.MountOptions) > 0 {
		root.Attrs = append(root.Attrs, xmltree.Attr{Name: "xmlns:fs", Value: fsNamespace})
		options := root.Add(xmltree.NewElement("fs:mount_opts"))
		for _, o := range p.MountOptions {
			options.Add(xmltree.NewElement("fs:option", "name", o))
		}
	}
	if len(p.Config) > 0 {
		root.Attrs = append(root.Attrs, xmltree.Attr{Name: "xmlns:rbd", Value: rbdNamespace})
		options := root.Add(xmltree.NewElement("rbd:config_opts"))
		for _, o := range p.Config {
			options.Add(xmltree.NewElement("rbd:option", "name", o.Name, "value", o.Value))
		}
	}
	own := xmltree.NewElement("?poolctl", "thin_pool", p.ThinPool)
	if p.MountPoint {
		own = xmltree.NewElement("?poolctl", "mount_point", "yes")
	}
	if a := p.Source.Auth; a != nil && a.Mutual != nil {
		m := a.Mutual
		own = xmltree.NewElement("?poolctl", "mutual_username", m.Username,
			"mutual_secret_uuid", m.Secret.UUID, "mutual_secret_usage", m.Secret.Usage)
	}
	if len(own.Attrs) > 0 { // no pool type has more than one of these settings
		root.Add(own)
	}
}

// SourceElement returns a source as libvirt prints it for a pool type, as part of a pool or as a document of
// a source that was found.
func SourceElement(s *pooldef.Source, info *pooldef.TypeInfo) *xmltree.Element {
	e := &xmltree.Element{Name: "source", Open: true}
	if info.Host != pooldef.Unused {
		for _, h := range s.Hosts {
			e.Add(xmltree.NewElement("host", "name", h.Name, "port", portText(h.Port)))
		}
	}
	if info.Device != pooldef.Unused {
		for _, d := range s.Devices {
			e.Add(deviceElement(&d))
		}
	}
	if info.Dir != pooldef.Unused && s.Dir != "" {
		e.Add(xmltree.NewElement("dir", "path", s.Dir))
	}
	if s.Adapter != nil && info.Adapter != pooldef.Unused {
		e.Add(adapterElement(s.Adapter))
	}
	if info.Name != pooldef.Unused {
		e.AddText("name", s.Name)
	}
	if info.Initiator != pooldef.Unused && s.Initiator != "" {
		e.Add(xmltree.NewElement("initiator")).Add(xmltree.NewElement("iqn", "name", s.Initiator))
	}
	if len(info.Formats) > 0 {
		e.Add(xmltree.NewElement("format", "type", s.Format))
	}
	if s.Auth != nil {
		auth := e.Add(xmltree.NewElement("auth", "type", s.Auth.Type, "username", s.Auth.Username))
		auth.Add(secretRefElement(&s.Auth.Secret))
	}
	for _, part := range []struct{ name, attr, value string }{
		{"protocol", "ver", s.Protocol}, {"vendor", "name", s.Vendor}, {"product", "name", s.Product},
	} {
		if part.value != "" {
			e.Add(xmltree.NewElement(part.name, part.attr, part.value))
		}
	}
	return e
}

func deviceElement(d *pooldef.Device) *xmltree.Element {
	e := xmltree.NewElement("device", "path", d.Path, "part_separator", yesNo(d.PartSeparator))
	for _, x := range d.FreeExtents {
		e.Add(rangeElement("freeExtent", x.Start, x.End))
	}
	return e
}

// rangeElement returns an element with the attributes start and end, in bytes.
func rangeElement(name string, start, end uint64) *xmltree.Element {
	return xmltree.NewElement(name, "start", strconv.FormatUint(start, 10), "end", strconv.FormatUint(end, 10))
}

func adapterElement(a *pooldef.Adapter) *xmltree.Element {
	if a.Type == "fc_host" {
		return xmltree.NewElement("adapter", "type", a.Type, "parent", a.ParentName,
			"parent_wwnn", a.ParentWWNN, "parent_wwpn", a.ParentWWPN,
			"parent_fabric_wwn", a.ParentFabricWWN, "managed", yesNo(a.Managed),
			"wwnn", a.WWNN, "wwpn", a.WWPN)
	}
	e := xmltree.NewElement("adapter", "type", a.Type, "name", a.Name)
	if a.Parent != nil {
		parent := e.Add(xmltree.NewElement("parentaddr", "unique_id", strconv.Itoa(a.Parent.UniqueID)))
		parent.Add(xmltree.NewElement("address",
			"domain", fmt.Sprintf("0x%04x", a.Parent.Domain), "bus", fmt.Sprintf("0x%02x", a.Parent.Bus),
			"slot", fmt.Sprintf("0x%02x", a.Parent.Slot), "function", fmt.Sprintf("0x%x", a.Parent.Function)))
	}
	return e
}

func secretRefElement(s *pooldef.SecretRef) *xmltree.Element {
	return xmltree.NewElement("secret", "type", s.Type, "uuid", s.UUID, "usage", s.Usage)
}

func targetElement(t *pooldef.Target) *xmltree.Element {
	e := xmltree.NewElement("target")
	e.Open = true
	e.AddText("path", t.Path)
	addPermissions(e, &t.Permissions)
	return e
}

func addPermissions(parent *xmltree.Element, p *pooldef.Permissions) {
	if p.IsZero() {
		return
	}
	e := parent.Add(xmltree.NewElement("permissions"))
	if p.Mode != nil {
		e.AddText("mode", fmt.Sprintf("0%o", *p.Mode))
	}
	if p.Owner != nil {
		e.AddText("owner", strconv.FormatUint(uint64(*p.Owner), 10))
	}
	if p.Group != nil {
		e.AddText("group", strconv.FormatUint(uint64(*p.Group), 10))
	}
	e.AddText("label", p.Label)
}

func addBytes(parent *xmltree.Element, name string, n uint64) {
	e := xmltree.NewElement(name, "unit", "bytes")
	e.Text = strconv.FormatUint(n, 10)
	parent.Add(e)
}

// portText formats a port; the default port, 0, is "".
func portText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// yesNo formats an optional boolean; nil is "".
func yesNo(b *bool) string {
	switch {
	case b == nil:
		return ""
	case *b:
		return "yes"
	}
	return "no"
}
