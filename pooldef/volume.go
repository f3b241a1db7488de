package pooldef

import "time"

// A Volume is the definition of a storage volume, or what was found of one.
type Volume struct {
	Type       string // file, block, dir, network, netdir, ploop
	Name       string
	Key        string
	Extents    []Extent
	Capacity   Size
	Allocation Size
	Physical   Size
	Target     VolumeTarget
	Backing    *VolumeTarget // what it is an overlay or a snapshot of
	Chain      []*Volume     // the images below it, of which Backing is the first, to the end; nil: nobody has asked for them
	Paths      []Path        // of a multipath map; nil: it is none
	Err        error         // why details could not be had, in a listing
}

// A Size is a number of bytes that may be unknown, as the zero value is.
type Size struct {
	Bytes uint64
	Known bool
}

// Bytes returns a known size.
func Bytes(n uint64) Size { return Size{n, true} }

// A Path is one of several ways to the unit of a multipath map. Its states are in multipathd's words, and empty where that does not run;
// so is the number of its group 0.
type Path struct {
	Device                  string // sda
	State                   string // for device-mapper: active, failed
	DeviceState             string // for the kernel: running, offline
	Checker                 string // for multipathd's test: ready, faulty, ghost, shaky
	Priority, GroupPriority *int
	Group                   int    // from 1 on, in the order in which they are used
	GroupState              string // active, enabled, disabled
}

// An Extent is a piece of a device that a volume occupies, in bytes; End is exclusive.
type Extent struct {
	Device     string
	Start, End uint64
}

// A VolumeTarget describes an image: a volume's own, or the one that it is based on.
type VolumeTarget struct {
	Path          string
	Format        string // "": its pool type has no volume formats
	Permissions   Permissions
	Times         *Timestamps
	Encryption    *Encryption
	Compat        string // qcow2: 0.10, 1.1
	NoCOW         bool
	ClusterSize   uint64 // bytes; 0: not given
	Features      bool   // there is a features element, even if an empty one
	LazyRefcounts bool
	ExtendedL2    bool
	ExternalData  bool // found: what a guest sees is in other files, too, which only the header names
}

// Timestamps of a volume; a zero Birth is not known.
type Timestamps struct{ Access, Modify, Change, Birth time.Time }

// Encryption of a volume.
type Encryption struct {
	Format  string // default, qcow, luks, luks2
	Engine  string // "", qemu, librbd
	Secrets []SecretRef
	Cipher  *Cipher
	IVGen   *IVGen
}

// A Cipher of LUKS encryption; Bits is the key's size.
type Cipher struct {
	Name       string
	Bits       int
	Mode, Hash string
}

// An IVGen makes the initialisation vectors of LUKS encryption.
type IVGen struct{ Name, Hash string }
