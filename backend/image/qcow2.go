package image

// Bits and extension types of qemu's docs/interop/qcow2.txt.
const (
	incompatibleDataFile    = 1 << 2
	incompatibleExtendedL2  = 1 << 4
	compatibleLazyRefcounts = 1 << 0

	extensionEnd           = 0
	extensionBackingFormat = 0xe2792aca
	extensionDataFile      = 0x44415441
)

const (
	// maxExtensions ends the walk through a header made to be long. The specification has five, each of which stands there once.
	maxExtensions = 64
	// Fewer bits than minClusterBits the specification forbids, more than maxClusterBits qemu does.
	minClusterBits, maxClusterBits = 9, 21
)

// describeQcow2 reads versions 2 and 3. What only version 3 has is not looked for in version 2, where other things stand there.
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
	if s.be(4, 4) == 2 {
		i.Compat = "0.10"
		describeExtensions(s, i, 72)
		return
	}
	i.Compat = "1.1"
	incompatible := s.be(72, 8)
	i.ExternalData = incompatible&incompatibleDataFile != 0
	i.ExtendedL2 = incompatible&incompatibleExtendedL2 != 0
	i.LazyRefcounts = s.be(80, 8)&compatibleLazyRefcounts != 0
	if length := s.be(100, 4); length >= 104 {
		describeExtensions(s, i, length)
	}
}

// describeExtensions walks the header extensions from at. They end at the one that says so, at the latest where the name of the
// backing file begins. Each is padded to 8 bytes (libvirt 9.0 forgets that, and misses those behind one of odd length). The name of
// a data file counts only when the data is external.
func describeExtensions(s *source, i *Info, at uint64) {
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
		switch {
		case kind == extensionBackingFormat && i.Backing != "":
			i.BackingFormat = libvirtWord(s.name(at, length))
		case kind == extensionDataFile && i.ExternalData:
			i.DataFile = s.name(at, length)
		}
		at += (length + 7) &^ 7
	}
}

// libvirtWord translates the name of a qemu driver, empty for one that says nothing of a format. The drivers
// of files and devices mean that their bytes are the disk's (libvirt since 9.10). That of LUKS does not: a
// disk that is read as raw is not the one that qemu shows, and there is no word for another.
func libvirtWord(driver string) string {
	switch driver {
	case "raw", "bochs", "cloop", "dmg", "iso", "vpc", "vhdx", "vdi", "ploop", "cow", "qcow", "qcow2", "qed", "vmdk":
		return driver
	case "parallels":
		return "ploop"
	case "file", "host_device", "host_cdrom":
		return "raw"
	}
	return ""
}
