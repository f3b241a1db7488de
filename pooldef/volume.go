package pooldef

import "time"

// A Volume is the definition of a storage volume, or what a backend found about an existing one.
type Volume struct {
	Type       string // file, block, dir, network, netdir, ploop
	Name       string
	Key        string
	Extents    []Extent
	Capacity   Size
	Allocation Size
	Physical   Size
	Target     VolumeTarget
	Backing    *VolumeTarget // the image that the volume is an overlay or a snapshot of
	Chain      []*Volume     // the whole backing chain, Backing first; nil if it was not requested
	Paths      []Path        // of a multipath map; nil for other volumes
	Err        error         // in a listing: why details are missing
}

// A Size is a number of bytes that may be unknown. The zero value is unknown.
type Size struct {
	Bytes uint64
	Known bool
}

// Bytes returns a known size.
func Bytes(n uint64) Size { return Size{n, true} }

// A Path is one of the paths to the unit of a multipath map. The states are multipathd's terms. Without a
// running multipathd they are empty, and Group is 0.
type Path struct {
	Device                  string // sda
	State                   string // device-mapper's state: active, failed
	DeviceState             string // the kernel's state: running, offline
	Checker                 string // the result of multipathd's path checker: ready, faulty, ghost, shaky
	Priority, GroupPriority *int
	Group                   int    // counted from 1, in the order of use
	GroupState              string // active, enabled, disabled
}

// An Extent is a range of a device that a volume occupies. Start and End are byte offsets; End is exclusive.
type Extent struct {
	Device     string
	Start, End uint64
}

// A VolumeTarget describes an image: the volume's own, or its backing file.
type VolumeTarget struct {
	Path          string
	Format        string // empty if the pool type has no volume formats
	Permissions   Permissions
	Times         *Timestamps
	Encryption    *Encryption
	Compat        string // qcow2: 0.10, 1.1
	NoCOW         bool
	ClusterSize   uint64 // bytes; 0 if not set
	Features      bool   // the document has a features element, even if it is empty
	LazyRefcounts bool
	ExtendedL2    bool
	ExternalData  bool   // found: the guest's data is also in other files, which only the header names
	IsDirty       bool   // found: a qcow2 image that was not closed, and that no process has open for writing
	IsCorrupt     bool   // found: a qcow2 image that qemu has marked as corrupt
	DataFile      string // found: the external data file of a qcow2 image, as its header names it. Untrusted.
}

// Timestamps of a volume. A zero Birth is unknown.
type Timestamps struct{ Access, Modify, Change, Birth time.Time }

// Encryption of a volume.
type Encryption struct {
	Format  string // default, qcow, luks, luks2, luks-any
	Engine  string // "", qemu, librbd
	Secrets []SecretRef
	Cipher  *Cipher
	IVGen   *IVGen
}

// A Cipher of LUKS encryption. Bits is the size of the key.
type Cipher struct {
	Name       string
	Bits       int
	Mode, Hash string
}

// An IVGen generates the initialisation vectors of LUKS encryption.
type IVGen struct{ Name, Hash string }
