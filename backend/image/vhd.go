package image

// Offsets in the footer, from Microsoft's Virtual Hard Disk Image Format Specification 1.0. All numbers are big-endian.
const (
	vhdFooter      = 512 // its length
	vhdCreator     = 28
	vhdCurrentSize = 48
	vhdCylinders   = 56
	vhdHeads       = 58
	vhdTrack       = 59
	vhdType        = 60
	vhdChecksum    = 64

	vhdFixed        = 2
	vhdDifferencing = 4 // it holds the changes to a parent
	// vhdMaxGeometry is the largest disk that cylinders, heads and sectors can tell: 65535 * 16 * 255 sectors.
	vhdMaxGeometry = 65535 * 16 * 255
)

// isFixedVHD makes sure of a footer at the end of the image, where a guest's own data may happen to spell the magic.
func isFixedVHD(s *source) bool {
	footer := s.record(s.from(-vhdFooter), vhdFooter)
	sum := footer.sum() - footer.part(vhdChecksum, 4).sum() // the checksum is not part of what it sums
	return !footer.isEmpty() && uint32(footer.be(vhdChecksum, 4)) == ^sum && footer.be(vhdType, 4) == vhdFixed
}

// describeFixedVHD takes the current size, which must fit before the footer.
func describeFixedVHD(s *source, i *Info) {
	if size := s.be(s.from(-vhdFooter+vhdCurrentSize), 8); size <= s.size-vhdFooter {
		i.Capacity = size
	}
}

// describeDynamicVHD decides as qemu does between the two sizes that a footer has. Virtual PC, and qemu when it imitates it, show a
// guest the disk that the geometry describes, which is a little smaller or larger than the current size; everybody else (Hyper-V,
// disk2vhd, XenServer, Azure, qemu's force_size) shows the current size, and so must be read a disk beyond what a geometry can tell.
// For creators that it does not know qemu took the geometry before 10.0, which cut Azure's disks, and takes the current size since.
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
