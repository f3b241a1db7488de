package image

// Bits and extension types of qemu's docs/interop/qcow2.txt.
const (
	incompatibleDirty       = 1 << 0
	incompatibleCorrupt     = 1 << 1
	incompatibleDataFile    = 1 << 2
	incompatibleExtendedL2  = 1 << 4
	compatibleLazyRefcounts = 1 << 0

	extensionEnd           = 0
	extensionBackingFormat = 0xe2792aca
	extensionDataFile      = 0x44415441
)

const (
	// maxExtensions limits the number of extensions that are read. The specification has five, each at most
	// once.
	maxExtensions = 64
	// The specification forbids fewer bits than minClusterBits; qemu rejects more than maxClusterBits.
	minClusterBits, maxClusterBits = 9, 21
)

// describeQcow2 reads versions 2 and 3. It reads fields of version 3 only there, because version 2 has other
// data at their positions.
func describeQcow2(s *source, i *Info) {
	if bits := s.be(20, 4); bits >= minClusterBits && bits <= maxClusterBits {
		i.ClusterSize = 1 << bits
	}
	switch s.be(32, 4) {
	case 1:
		i.Encryption = "qcow"
	case 2:
		i.Encryption = "luks"
	}
	i.Backing = s.name(s.be(8, 8), s.be(16, 4))
	i.Snapshots = s.be(60, 4) > 0
	if s.be(4, 4) == 2 {
		i.Compat = "0.10"
	} else {
		i.Compat = "1.1"
		describeVersion3(s, i)
	}
	eachExtension(s, func(kind, at, length uint64) {
		switch {
		case kind == extensionBackingFormat && i.Backing != "":
			i.BackingFormat = libvirtWord(s.name(at, length))
		case kind == extensionDataFile && i.ExternalData:
			i.DataFile = s.name(at, length) // counts only if the data is external
		}
	})
}

func describeVersion3(s *source, i *Info) {
	incompatible := s.be(72, 8)
	i.Dirty, i.Corrupt = incompatible&incompatibleDirty != 0, incompatible&incompatibleCorrupt != 0
	i.ExternalData = incompatible&incompatibleDataFile != 0
	i.ExtendedL2 = incompatible&incompatibleExtendedL2 != 0
	i.LazyRefcounts = s.be(80, 8)&compatibleLazyRefcounts != 0
}

// eachExtension calls visit with the type, the position and the length of each header extension. They begin
// after the header, whose length is a field of version 3, and end at an end marker, at the latest at the name
// of the backing file. Each is padded to 8 bytes (libvirt 9.0 ignores the padding, and misses extensions
// after one of odd length).
func eachExtension(s *source, visit func(kind, at, length uint64)) {
	at := uint64(72)
	if s.be(4, 4) != 2 {
		if at = s.be(100, 4); at < 104 {
			return
		}
	}
	end := s.be(8, 8)
	if end == 0 {
		end = s.size
	}
	for range maxExtensions {
		kind, length := s.be(at, 4), s.be(at+4, 4)
		at += 8
		if kind == extensionEnd || at+length > end {
			return
		}
		visit(kind, at, length)
		at += (length + 7) &^ 7
	}
}

// libvirtWord returns libvirt's name of the format for a qemu driver, or "" if the driver does not determine
// a format. The drivers of files and devices mean raw (in libvirt since 9.10). The driver luks does not:
// reading such an image as raw would give other data than qemu does, and libvirt has no name for it.
func libvirtWord(driver string) string {
	switch driver {
	case "raw", "bochs", "cloop", "dmg", "iso", "vpc", "vhdx", "vdi", "ploop", "cow", "qcow", "qcow2",
		"qed", "vmdk":
		return driver
	case "parallels":
		return "ploop"
	case "file", "host_device", "host_cdrom":
		return "raw"
	}
	return ""
}
