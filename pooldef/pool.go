// Package pooldef contains the data that describes storage pools, volumes and secrets.
//
//   - [Pool], [Volume] and [Secret] are definitions as libvirt describes them. A Volume also holds what a
//     backend found about an existing volume.
//   - [Types] is the table of what each pool type requires, allows and defaults to.
//   - [CheckName], [CheckVolumeName], [ParseUUID] and [CheckConflicts] check parts of definitions.
//   - [Problems] lists what is wrong with a definition. The other error types and values are those that
//     backends share with the store.
//
// The package does not read or print documents (poolctl/pooldef/codec), keeps no files
// (poolctl/pooldef/store), and knows nothing about the state of the machine.
package pooldef

// A Pool is the definition of a storage pool.
type Pool struct {
	Type         Type
	Name         string
	UUID         string // 36 characters, lower case
	COW          *bool  // copy-on-write of a btrfs directory; nil: not set
	Source       Source
	Target       Target
	Refresh      string   // how the allocation of volumes is determined: "", default, capacity
	MountOptions []string // fs, netfs
	Config       []Option // rbd
	MountPoint   bool     // the target must be a mount point; poolctl's extension
	ThinPool     string   // logical: the thin pool that new volumes get their space from; poolctl's extension
	Check        CheckSettings
	ManagedBy    string // the set of definitions whose apply wrote this one; empty: none
	Started      bool   // read from a run record: poolctl started the pool; not part of the definition
}

// A Source describes where a pool's storage comes from.
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
	PartSeparator *bool        // "p" between the device's name and the partition's number; nil: not set
	FreeExtents   []FreeExtent // output only
}

// A FreeExtent is free space on a disk. Start and End are byte offsets; End is exclusive.
type FreeExtent struct{ Start, End uint64 }

// An Adapter identifies a SCSI host: by name, by the address of its parent, or (fc_host) by world-wide names.
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

// A ParentAddress is a PCI address and the unique ID of a SCSI host at that address.
type ParentAddress struct {
	UniqueID                    int
	Domain, Bus, Slot, Function uint64
}

// Auth is the user and the secret with which poolctl logs in to a pool's storage.
type Auth struct {
	Type     string // chap, ceph; cifs is poolctl's extension
	Username string // cifs: may be DOMAIN\user
	Secret   SecretRef
	Mutual   *Login // chap: the login with which the target proves its identity; poolctl's extension
}

// UsageType returns the usage type of the secrets of a login.
func (a *Auth) UsageType() string {
	if a.Type == "chap" {
		return "iscsi"
	}
	return a.Type
}

// A Login is a user and a secret.
type Login struct {
	Username string
	Secret   SecretRef
}

// A SecretRef names a secret, by exactly one of UUID and Usage.
type SecretRef struct {
	Type  string // printed as given, not used
	UUID  string
	Usage string
}

// A Target describes where a pool's volumes appear on this machine.
type Target struct {
	Path        string
	Permissions Permissions
}

// Permissions of a pool's directory or of a volume. A nil field is not set.
type Permissions struct {
	Mode         *uint32 // the nine permission bits
	Owner, Group *uint32
	Label        string // of SELinux
}

// IsZero reports whether no field is set.
func (p Permissions) IsZero() bool {
	return p.Mode == nil && p.Owner == nil && p.Group == nil && p.Label == ""
}

// An Option is a setting of Ceph's client and its value.
type Option struct{ Name, Value string }

// Space is the space in a pool, in bytes.
type Space struct {
	Capacity, Allocation, Available uint64
	Inodes, InodesFree              uint64 // of its file system; 0 if inodes are not limited
}
