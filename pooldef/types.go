package pooldef

import "slices"

// A Type is a type of storage pool, by libvirt's name.
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

// A Need states whether a pool type uses a part of the definition.
type Need int

// The needs.
const (
	Unused   Need = iota // the part is ignored, with a warning
	Optional             // the part may be missing
	Required             // the part must be given, or have a default
)

// A TypeInfo describes what the definition of a pool of one type must and may contain.
type TypeInfo struct {
	Type                              Type
	Host, Device, Dir, Adapter, Name  Need
	Initiator, Target, MountOpts, COW Need
	FixedTarget                       string   // if set, the target is always this followed by the source's name
	Formats                           []string // of the source; the first is the default
	VolumeFormats                     []string
	DefaultVolumeFormat               string // empty if volumes have no format
}

// imageFormats are the volume formats of pools whose volumes are files. libvirt lists the first one, "none",
// but refuses it.
var imageFormats = []string{
	"none", "raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc", "vdi", "fat", "vhd", "ploop", "cow", "qcow",
	"qcow2",
	"qed", "vmdk",
}

// Types is the only table of what each pool type requires, allows and defaults to, in libvirt's order.
//
// Sources: https://libvirt.org/storage.html, and what libvirt 9.0.0 accepts and prints. The format btrfs is
// poolctl's extension.
var Types = []TypeInfo{
	{Type: Dir, Target: Required, COW: Optional, VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
	{Type: FS, Device: Required, Target: Required, COW: Optional, MountOpts: Optional,
		Formats: []string{"auto", "ext2", "ext3", "ext4", "ufs", "iso9660", "udf", "gfs", "gfs2", "vfat", "hfs+",
			"xfs", "ocfs2", "vmfs", "btrfs"},
		VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
	{Type: NetFS, Host: Required, Dir: Required, Target: Required, MountOpts: Optional,
		Formats:       []string{"auto", "nfs", "glusterfs", "cifs"},
		VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
	{Type: Logical, Name: Required, Device: Optional, Target: Optional, FixedTarget: "/dev/",
		Formats: []string{"unknown", "lvm2"}},
	{Type: Disk, Device: Required, Target: Required,
		Formats: []string{"unknown", "dos", "dvh", "gpt", "mac", "bsd", "pc98", "sun", "lvm2"},
		VolumeFormats: []string{"none", "linux", "fat16", "fat32", "linux-swap", "linux-lvm", "linux-raid",
			"extended"},
		DefaultVolumeFormat: "none"},
	{Type: ISCSI, Host: Required, Device: Optional, Initiator: Optional, Target: Required},
	{Type: ISCSIDirect, Host: Required, Device: Optional, Initiator: Required},
	{Type: SCSI, Adapter: Required, Target: Required},
	{Type: Mpath, Target: Required},
	{Type: RBD, Host: Required, Name: Required, VolumeFormats: []string{}, DefaultVolumeFormat: "raw"},
	{Type: Sheepdog, Host: Required, Name: Required},
	{Type: Gluster, Host: Required, Name: Required, Dir: Optional, VolumeFormats: imageFormats,
		DefaultVolumeFormat: "raw"},
	{Type: ZFS, Name: Required, Device: Optional, Target: Optional, FixedTarget: "/dev/zvol/"},
	{Type: Vstorage, Name: Required, Target: Required, VolumeFormats: imageFormats, DefaultVolumeFormat: "raw"},
}

// Info returns the type's row of Types, or nil for an unknown type.
func (t Type) Info() *TypeInfo {
	i := slices.IndexFunc(Types, func(info TypeInfo) bool { return info.Type == t })
	if i < 0 {
		return nil
	}
	return &Types[i]
}

// OwnsTarget reports whether the target is a directory of the pool's own, which pool-build creates and
// pool-delete removes.
func (t *TypeInfo) OwnsTarget() bool { return t.Target == Required && t.DefaultVolumeFormat == "raw" }

// DefaultFormat returns the format of a source that does not name one.
func (t *TypeInfo) DefaultFormat() string {
	switch {
	case t.Type == Logical: // libvirt lists "unknown" first only for old definitions
		return "lvm2"
	case len(t.Formats) > 0:
		return t.Formats[0]
	}
	return ""
}

// HasVolumeFormat reports whether the definition of a volume in a pool of this type may name the format.
func (t *TypeInfo) HasVolumeFormat(format string) bool {
	return slices.Contains(t.AcceptedVolumeFormats(), format)
}

// AcceptedVolumeFormats returns the formats that the definition of a volume may name. For rbd, libvirt lists
// none but accepts all, and old versions printed "unknown".
func (t *TypeInfo) AcceptedVolumeFormats() []string {
	switch {
	case t.Type == RBD:
		return append([]string{"unknown"}, imageFormats[1:]...)
	case t.DefaultVolumeFormat == "raw":
		return t.VolumeFormats[1:]
	}
	return t.VolumeFormats
}

// TypeNames returns the names of all pool types.
func TypeNames() []string {
	names := make([]string, len(Types))
	for i, t := range Types {
		names[i] = string(t.Type)
	}
	return names
}
