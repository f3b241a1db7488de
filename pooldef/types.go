package pooldef

import "slices"

// A Type is a kind of storage pool, in libvirt's word.
type Type string

// The pool types.
const (
	Dir         Type = "dir"
	FS          Type = "fs"
	NetFS       Type = "netfs"
	Logical     Type = "logical"
	Disk        Type = "disk"
	ISCSI       Type = "iscsi"
	ISCSIDirect Type = "iscsi-direct"
	SCSI        Type = "scsi"
	Mpath       Type = "mpath"
	RBD         Type = "rbd"
	Sheepdog    Type = "sheepdog"
	Gluster     Type = "gluster"
	ZFS         Type = "zfs"
	Vstorage    Type = "vstorage"
)

// A Need tells what a type makes of a part of the definition: nothing (the part is not kept), something, or that it cannot do without.
type Need int

// The needs.
const (
	Unused Need = iota
	Optional
	Required
)

// A TypeInfo tells what the definition of a pool of one type must and may say.
type TypeInfo struct {
	Type                              Type
	Host, Device, Dir, Adapter, Name  Need
	Initiator, Target, MountOpts, COW Need
	FixedTarget                       string   // the target is this and the source's name, whatever the definition says
	Formats                           []string // of the source; the first is the default
	VolumeFormats                     []string
	DefaultVolumeFormat               string // "": volumes have no format
}

// imageFormats are the volume formats of pools whose volumes are files. libvirt lists `none`, the first one, but refuses it.
var imageFormats = []string{
	"none", "raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc", "vdi", "fat", "vhd", "ploop", "cow", "qcow", "qcow2", "qed", "vmdk",
}

// Types is the one table of what each pool type requires, allows and defaults to, in libvirt's order.
// Source: https://libvirt.org/storage.html and what libvirt 9.0.0 accepts and prints. The format btrfs is poolctl's own.
var Types = []TypeInfo{
	{Type: Dir, Target: Required, COW: Optional, VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
	{Type: FS, Device: Required, Target: Required, COW: Optional, MountOpts: Optional,
		Formats: []string{"auto", "ext2", "ext3", "ext4", "ufs", "iso9660", "udf", "gfs", "gfs2", "vfat", "hfs+", "xfs", "ocfs2", "vmfs",
			"btrfs"},
		VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
	{Type: NetFS, Host: Required, Dir: Required, Target: Required, MountOpts: Optional,
		Formats:       []string{"auto", "nfs", "glusterfs", "cifs"},
		VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
	{Type: Logical, Name: Required, Device: Optional, Target: Optional, FixedTarget: "/dev/", Formats: []string{"unknown", "lvm2"}},
	{Type: Disk, Device: Required, Target: Required,
		Formats:             []string{"unknown", "dos", "dvh", "gpt", "mac", "bsd", "pc98", "sun", "lvm2"},
		VolumeFormats:       []string{"none", "linux", "fat16", "fat32", "linux-swap", "linux-lvm", "linux-raid", "extended"},
		DefaultVolumeFormat: "none"},
	{Type: ISCSI, Host: Required, Device: Optional, Initiator: Optional, Target: Required},
	{Type: ISCSIDirect, Host: Required, Device: Optional, Initiator: Required},
	{Type: SCSI, Adapter: Required, Target: Required},
	{Type: Mpath, Target: Required},
	{Type: RBD, Host: Required, Name: Required, VolumeFormats: []string{}, DefaultVolumeFormat: "raw"},
	{Type: Sheepdog, Host: Required, Name: Required},
	{Type: Gluster, Host: Required, Name: Required, Dir: Optional, VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
	{Type: ZFS, Name: Required, Device: Optional, Target: Optional, FixedTarget: "/dev/zvol/"},
	{Type: Vstorage, Name: Required, Target: Required, VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
}

// Info returns the type's row of the table, or nil for a type that there is not.
func (t Type) Info() *TypeInfo {
	i := slices.IndexFunc(Types, func(info TypeInfo) bool { return info.Type == t })
	if i < 0 {
		return nil
	}
	return &Types[i]
}

// DefaultFormat is what a source without a format gets.
func (t *TypeInfo) DefaultFormat() string {
	switch {
	case t.Type == Logical: // `unknown` stands first in libvirt's list only for old definitions
		return "lvm2"
	case len(t.Formats) > 0:
		return t.Formats[0]
	}
	return ""
}

// HasVolumeFormat tells whether a volume of this type may be asked for in that format.
func (t *TypeInfo) HasVolumeFormat(format string) bool {
	return slices.Contains(t.AcceptedVolumeFormats(), format)
}

// AcceptedVolumeFormats are the formats that a definition may name. libvirt lists none for rbd, but takes all, and old versions of
// it printed unknown there.
func (t *TypeInfo) AcceptedVolumeFormats() []string {
	switch {
	case t.Type == RBD:
		return append([]string{"unknown"}, imageFormats[1:]...)
	case t.DefaultVolumeFormat == "raw":
		return t.VolumeFormats[1:]
	}
	return t.VolumeFormats
}

// TypeNames are the names of all types of pools.
func TypeNames() []string {
	names := make([]string, len(Types))
	for i, t := range Types {
		names[i] = string(t.Type)
	}
	return names
}
