package commands

import "poolctl/format/xmltree"

// poolArgs describe a pool: first virsh's options, in virsh's order, then options that virsh does not have.
type poolArgs struct {
	Name                   string   `arg:"" help:"Name of the pool."`
	Type                   string   `arg:"" help:"Type of the pool: dir, fs, netfs, logical, disk, iscsi, iscsi-direct, scsi, mpath, rbd, sheepdog, gluster, zfs, vstorage."`
	SourceHost             []string `position:"" sep:"none" placeholder:"HOST" help:"Server. May be repeated."`
	SourcePath             string   `position:"" placeholder:"DIR" help:"Directory on the server."`
	SourceDev              []string `position:"" sep:"none" placeholder:"DEVICE" help:"Block device, or iSCSI target. May be repeated."`
	SourceName             string   `position:"" placeholder:"NAME" help:"Name of the source: a volume group, a Ceph, Gluster or ZFS pool."`
	Target                 string   `position:"" placeholder:"DIR" help:"Directory that contains the volumes."`
	SourceFormat           string   `position:"" placeholder:"FORMAT" help:"Format of the source: a file system or a partition table."`
	AuthType               string   `position:"" placeholder:"TYPE" help:"Login type: chap, ceph, cifs."`
	AuthUsername           string   `position:"" placeholder:"USER" help:"Login user."`
	SecretUsage            string   `position:"" xor:"secret" placeholder:"USAGE" help:"Login secret, by its usage."`
	SecretUuid             string   `position:"" xor:"secret" placeholder:"UUID" help:"Login secret, by its uuid."`
	AdapterName            string   `position:"" placeholder:"NAME" help:"SCSI adapter: scsi_host3."`
	AdapterWwnn            string   `position:"" placeholder:"WWNN" help:"Node name of a Fibre Channel adapter."`
	AdapterWwpn            string   `position:"" placeholder:"WWPN" help:"Port name of a Fibre Channel adapter."`
	AdapterParent          string   `position:"" placeholder:"NAME" help:"Parent adapter of a virtual adapter: scsi_host3."`
	AdapterParentWwnn      string   `position:"" placeholder:"WWNN" help:"Parent adapter, by node name."`
	AdapterParentWwpn      string   `position:"" placeholder:"WWPN" help:"Parent adapter, by port name."`
	AdapterParentFabricWwn string   `position:"" placeholder:"WWN" help:"Parent adapter, by fabric name."`
	SourceProtocolVer      string   `position:"" placeholder:"VERSION" help:"NFS version."`
	SourceInitiator        string   `position:"" placeholder:"IQN" help:"Initiator IQN."`
	PrintXml               bool     `help:"Print the XML document, and change nothing."`

	SourcePort  string   `placeholder:"PORT" help:"Port of the hosts."`
	Mode        string   `placeholder:"OCTAL" help:"Permissions of the target directory."`
	Owner       string   `placeholder:"USER" help:"Owner of the target directory."`
	Group       string   `placeholder:"GROUP" help:"Group of the target directory."`
	MountOption []string `sep:"none" placeholder:"OPTION" help:"Mount option. May be repeated."`
	MountPoint  bool     `help:"Use the target directory only if something is mounted there."`
	ThinPool    string   `placeholder:"NAME" help:"Thin pool of the volume group for new volumes."`
}

// element builds the same document as virsh.
func (a *poolArgs) element() *xmltree.Element {
	root := xmltree.NewElement("pool", "type", a.Type)
	root.AddText("name", a.Name)
	if source := a.source(); len(source.Children) > 0 {
		root.Add(source)
	}
	if target := a.target(); len(target.Children) > 0 {
		root.Add(target)
	}
	if len(a.MountOption) > 0 {
		options := root.Add(xmltree.NewElement("fs:mount_opts"))
		const namespace = "http://libvirt.org/schemas/storagepool/fs/1.0"
		root.Attrs = append(root.Attrs, xmltree.Attr{Name: "xmlns:fs", Value: namespace})
		for _, o := range a.MountOption {
			options.Add(xmltree.NewElement("fs:option", "name", o))
		}
	}
	if a.MountPoint {
		root.Add(xmltree.NewElement("?poolctl", "mount_point", "yes"))
	}
	if a.ThinPool != "" {
		root.Add(xmltree.NewElement("?poolctl", "thin_pool", a.ThinPool))
	}
	return root
}

// source builds the element <source>.
func (a *poolArgs) source() *xmltree.Element {
	e := xmltree.NewElement("source")
	add := func(name, attr, value string) {
		if value != "" {
			e.Add(xmltree.NewElement(name, attr, value))
		}
	}
	for _, h := range a.SourceHost {
		e.Add(xmltree.NewElement("host", "name", h, "port", a.SourcePort))
	}
	add("dir", "path", a.SourcePath)
	for _, d := range a.SourceDev {
		add("device", "path", d)
	}
	if a.SourceInitiator != "" {
		e.Add(xmltree.NewElement("initiator")).Add(xmltree.NewElement("iqn", "name", a.SourceInitiator))
	}
	a.addAdapter(e)
	if a.AuthType+a.AuthUsername+a.SecretUsage+a.SecretUuid != "" {
		auth := e.Add(xmltree.NewElement("auth", "type", a.AuthType, "username", a.AuthUsername))
		auth.Add(xmltree.NewElement("secret", "usage", a.SecretUsage, "uuid", a.SecretUuid))
	}
	add("format", "type", a.SourceFormat)
	e.AddText("name", a.SourceName)
	add("protocol", "ver", a.SourceProtocolVer)
	return e
}

// addAdapter adds a Fibre Channel adapter if its WWNs are given, otherwise a SCSI host. The parent adapter is
// named in one way only.
func (a *poolArgs) addAdapter(source *xmltree.Element) {
	switch {
	case a.AdapterWwnn+a.AdapterWwpn == "" && a.AdapterName == "":
	case a.AdapterWwnn+a.AdapterWwpn == "":
		source.Add(xmltree.NewElement("adapter", "type", "scsi_host", "name", a.AdapterName))
	case a.AdapterParent != "":
		source.Add(xmltree.NewElement("adapter", "type", "fc_host", "parent", a.AdapterParent,
			"wwnn", a.AdapterWwnn, "wwpn", a.AdapterWwpn))
	case a.AdapterParentWwnn+a.AdapterParentWwpn != "":
		source.Add(xmltree.NewElement("adapter", "type", "fc_host", "parent_wwnn", a.AdapterParentWwnn,
			"parent_wwpn", a.AdapterParentWwpn, "wwnn", a.AdapterWwnn, "wwpn", a.AdapterWwpn))
	default:
		source.Add(xmltree.NewElement("adapter", "type", "fc_host",
			"parent_fabric_wwn", a.AdapterParentFabricWwn, "wwnn", a.AdapterWwnn, "wwpn", a.AdapterWwpn))
	}
}

// target builds the element <target>.
func (a *poolArgs) target() *xmltree.Element {
	e := xmltree.NewElement("target")
	e.AddText("path", a.Target)
	if a.Mode+a.Owner+a.Group != "" {
		p := e.Add(xmltree.NewElement("permissions"))
		p.AddText("mode", a.Mode).AddText("owner", a.Owner).AddText("group", a.Group)
	}
	return e
}
