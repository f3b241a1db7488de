package image

// Offsets in the footer, from Microsoft's Virtual Hard Disk Image Format Specification 1.0. All numbers are
// big-endian.
const (
	vhdFooter      = 512 // length in bytes
	vhdCreator     = 28
	vhdCurrentSize = 48
	vhdCylinders   = 56
	vhdHeads       = 58
	vhdTrack       = 59
	vhdType        = 60
	vhdChecksum    = 64

	vhdFixed        = 2
	vhdDifferencing = 4 // contains changes to a parent
	// vhdMaxGeometry is the largest size that cylinders, heads and sectors can express: 65535 * 16 * 255
	// sectors.
	vhdMaxGeometry = 65535 * 16 * 255
)

// isFixedVHD verifies a footer at the end of the image, where a guest's data could contain the magic by
// chance.
func isFixedVHD(s *source) bool {
	footer := s.record(s.offset(-vhdFooter), vhdFooter)
	sum := footer.sum() - footer.part(vhdChecksum, 4).sum() // the checksum excludes itself
	return !footer.isEmpty() && uint32(footer.be(vhdChecksum, 4)) == ^sum && footer.be(vhdType, 4) == vhdFixed
}

// describeFixedVHD reads the current size, which must fit before the footer.
func describeFixedVHD(s *source, i *Info) {
	if size := s.be(s.offset(-vhdFooter+vhdCurrentSize), 8); size <= s.size-vhdFooter {
		i.Capacity = size
	}
}

// describeDynamicVHD chooses between the two sizes in a footer as qemu does. Virtual PC, and qemu when it
// imitates Virtual PC, present a disk with the size of the geometry, which is slightly smaller or larger than
// the current size. All other creators (Hyper-V, disk2vhd, XenServer, Azure, qemu's force_size) use the
// current size, as for any disk that is too large for a geometry. For unknown creators, qemu used the
// geometry before 10.0, which truncated Azure's disks, and has used the current size since.
func describeDynamicVHD(s *source, i *Info) {
	footer := s.record(0, vhdFooter)
	if footer.isEmpty() {
		return
	}
	i.ExternalData = footer.be(vhdType, 4) == vhdDifferencing
	sectors := footer.be(vhdCylinders, 2) * footer.be(vhdHeads, 1) * footer.be(vhdTrack, 1)
	if (footer.has(vhdCreator, "vpc ") || footer.has(vhdCreator, "qemu")) && sectors != vhdMaxGeometry {
		i.setCapacity(sectors, sector)
		return
	}
	i.setCapacity(footer.be(vhdCurrentSize, 8)/sector, sector)
}
