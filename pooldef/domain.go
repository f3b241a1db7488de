package pooldef

// A Domain is a virtual machine of libvirt, as far as it names storage.
type Domain struct {
	Name    string
	Running bool // read from libvirt's record of a running domain
	Uses    []DomainUse
}

// A DomainUse is a reference of a domain to storage. Exactly one of Path, Volume and Image is set.
type DomainUse struct {
	Path   string // absolute
	Pool   string // libvirt's name of the pool of Volume
	Volume string
	// Image is the name of a network disk, such as pool/image, and Protocol is libvirt's name for its kind of
	// server, such as rbd.
	Protocol, Image string
	// As says what for: the name of a disk, such as vda, or else the name of an element, such as nvram.
	As string
}
