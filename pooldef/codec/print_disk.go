package codec

import (
	"strconv"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// DiskElement returns the element of a domain's document that gives a guest a disk as the device with a name,
// such as vda. The names of the devices show their bus, as in libvirt.
func DiskElement(d *pooldef.GuestDisk, device string) *xmltree.Element {
	top, kind := d.Images[0], "disk"
	if d.CDROM {
		kind = "cdrom"
	}
	root := xmltree.NewElement("disk", "type", typeOf(&top), "device", kind)
	root.Add(xmltree.NewElement("driver", "name", "qemu", "type", top.Format))
	root.Add(diskSource(&top))
	if hasBacking(top.Format) {
		root.Add(backingStores(d.Images[1:]))
	}
	root.Add(xmltree.NewElement("target", "dev", device, "bus", busOf(device)))
	if d.CDROM {
		root.Add(xmltree.NewElement("readonly"))
	}
	return root
}

// busOf returns the bus that libvirt derives from the name of a device.
func busOf(device string) string {
	for prefix, bus := range map[string]string{"vd": "virtio", "sd": "scsi", "hd": "ide", "xvd": "xen"} {
		if len(device) > len(prefix) && device[:len(prefix)] == prefix {
			return bus
		}
	}
	return ""
}

// backingStores returns the element of the images below a disk. The last one is empty: libvirt looks for no
// more.
func backingStores(below []pooldef.DiskImage) *xmltree.Element {
	if len(below) == 0 {
		return xmltree.NewElement("backingStore")
	}
	e := xmltree.NewElement("backingStore", "type", typeOf(&below[0]))
	e.Add(xmltree.NewElement("format", "type", below[0].Format))
	e.Add(diskSource(&below[0]))
	e.Add(backingStores(below[1:]))
	return e
}

func typeOf(i *pooldef.DiskImage) string {
	switch {
	case i.Network != nil:
		return "network"
	case i.IsDevice:
		return "block"
	}
	return "file"
}

func diskSource(i *pooldef.DiskImage) *xmltree.Element {
	var e *xmltree.Element
	switch {
	case i.Network != nil:
		e = networkElement(i.Network)
	case i.IsDevice:
		e = xmltree.NewElement("source", "dev", i.Path)
	default:
		e = xmltree.NewElement("source", "file", i.Path)
	}
	if i.Encryption != nil {
		e.Add(encryptionElement(&pooldef.Encryption{Format: i.Encryption.Format, Secrets: i.Encryption.Secrets}))
	}
	return e
}

func networkElement(n *pooldef.NetworkSource) *xmltree.Element {
	e := xmltree.NewElement("source", "protocol", n.Protocol, "name", n.Name)
	for _, h := range n.Hosts {
		port := ""
		if h.Port != 0 {
			port = strconv.Itoa(h.Port)
		}
		e.Add(xmltree.NewElement("host", "name", h.Name, "port", port))
	}
	if n.Initiator != "" {
		e.Add(xmltree.NewElement("initiator")).Add(xmltree.NewElement("iqn", "name", n.Initiator))
	}
	if n.Auth != nil {
		secret := n.Auth.Secret
		secret.Type = diskSecretTypes[n.Protocol]
		e.Add(xmltree.NewElement("auth", "username", n.Auth.Username)).Add(secretRefElement(&secret))
	}
	return e
}

// diskSecretTypes are the types of the secrets in a disk's auth element, by protocol.
var diskSecretTypes = map[string]string{"rbd": "ceph", "iscsi": "iscsi"}
