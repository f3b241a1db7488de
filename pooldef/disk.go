package pooldef

// A GuestDisk describes what a guest needs to use a volume.
type GuestDisk struct {
	Images []DiskImage // the volume, and the images below it, nearest first
	CDROM  bool
}

// A DiskImage is an image of a disk: a file, a block device, or an image on a server.
type DiskImage struct {
	Format     string // raw, qcow2, ...
	Path       string // of a file or device
	IsDevice   bool
	Network    *NetworkSource // nil: a file or device
	Encryption *Encryption
	KeyFile    string // contains the passphrase of an encrypted image, as SecretFile names it
}

// A NetworkSource describes an image that guests reach by a protocol, without a file or device of this
// machine.
type NetworkSource struct {
	Protocol  string // libvirt's name: rbd, gluster, iscsi, sheepdog
	Name      string // libvirt's name of the image: POOL/IMAGE, VOLUME/PATH, IQN/LUN, VDI
	Hosts     []Host
	Initiator string
	Auth      *Auth
	KeyFile   string // contains the secret of Auth, as SecretFile names it
}
