// Package pooldef contains the data that describes storage pools, volumes and secrets.
//
//   - [Pool], [Volume] and [Secret] are definitions as libvirt describes them. A Volume also holds what a backend
//     found about an existing volume.
//   - [Types] is the table of what each pool type requires, allows and defaults to.
//   - [CheckName], [CheckVolumeName], [ParseUUID] and [CheckConflicts] check parts of definitions.
//   - [Problems] lists what is wrong with a definition. The other error types and values are those that backends
//     share with the store.
//
// The package does not read or print documents (poolctl/pooldef/codec), keeps no files (poolctl/pooldef/store), and
// knows nothing about the state of the machine.
package pooldef

// A Pool is the definition of a storage pool.
type Pool struct {
	Type         Type
	Name         string
	UUID         string // 36 characters, lower case
	COW          *bool  // copy-on-write of a btrfs directory; nil: not given
	Source       Source
	Target       Target
	Refresh      string   // how volumes' allocation is found: "", default, capacity
	MountOptions []string // fs, netfs
	Config       []Option // rbd
	MountPoint   bool     // the target has to be a mount point: poolctl's own
	ThinPool     string   // logical: the thin pool that new volumes have their room from: poolctl's own
	Started      bool     // this is the record of a pool that poolctl has started: no part of the definition
}

// A Source tells where a pool's storage comes from.
type Source struct {
	Hosts     []Host
	Devices   []Device
	Dir       string
	Adapter   *Adapter
	Name      string
	Initiator string // IQN
	Format    string
	Auth      *Auth
	Protocol  string // NFS version
	Vendor    string
	Product   string
}

// A Device is a block device, or an iSCSI target's IQN.
type Device struct {
	Path          string
	PartSeparator *bool        // p between the device's name and the partition's number; nil: not given
	FreeExtents   []FreeExtent // output only
}

// A FreeExtent is room on a disk, in bytes; End is exclusive.
type FreeExtent struct{ Start, End uint64 }

// An Adapter is a SCSI host: by name, by the address of its parent, or (fc_host) by world-wide names.
type Adapter struct {
	Type            string // scsi_host, fc_host
	Name            string
	Parent          *ParentAddress
	ParentName      string // fc_host: scsi_hostN
	ParentWWNN      string
	ParentWWPN      string
	ParentFabricWWN string
	Managed         *bool
	WWNN, WWPN      string
}

// A ParentAddress is a PCI address and the unique id of the SCSI host there.
type ParentAddress struct {
	UniqueID                    int
	Domain, Bus, Slot, Function uint64
}

// Auth tells as whom, and with which secret, a pool's storage is used.
type Auth struct {
	Type     string // chap, ceph; cifs is poolctl's own
	Username string // cifs: may be DOMAIN\user
	Secret   SecretRef
	Mutual   *Login // chap: as whom the target has to show itself; poolctl's own
}

// A Login is a user and a secret.
type Login struct {
	Username string
	Secret   SecretRef
}

// A SecretRef names a secret by exactly one of UUID and usage.
type SecretRef struct {
	Type  string // echoed as it was given
	UUID  string
	Usage string
}

// A Target tells where a pool's volumes appear on this machine.
type Target struct {
	Path        string
	Permissions Permissions
}

// Permissions of a pool's directory or of a volume; nil is not given.
type Permissions struct {
	Mode         *uint32 // the nine permission bits
	Owner, Group *uint32
	Label        string // echoed, never applied
}

// IsZero tells whether nothing is given.
func (p Permissions) IsZero() bool {
	return p.Mode == nil && p.Owner == nil && p.Group == nil && p.Label == ""
}

// An Option is a setting with a value.
type Option struct{ Name, Value string }

// Space is the room in a pool, in bytes.
type Space struct{ Capacity, Allocation, Available uint64 }
