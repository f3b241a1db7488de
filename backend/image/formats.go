package image

// A format is one version of a format: how to recognise it, and how to read its header.
type format struct {
	name     string
	marks    []mark               // all must match
	confirm  func(*source) bool   // an additional test; nil: none
	capacity field                // width 0: the file's size, unless details sets another
	details  func(*source, *Info) // reads other properties; nil: there are none
}

// A mark is text at a position. A negative position is relative to the end of the image.
type mark struct {
	at   int64
	text string
}

// A field is a number at a position (as in a mark), which counts units of a size in bytes.
type field struct {
	at     int64
	width  int
	number func(record) uint64
	unit   uint64
}

// formats is tried in order; the first match wins. Formats that are recognised by their first block precede
// those that need another read, so that only images that look raw need all three reads. (libvirt tests for
// iso before the formats with backing files, and so misreads a qcow2 image with small clusters that has a
// guest's CD at that position.)
//
// Sources of the rows:
//
//	luks   LUKS1 On-Disk Format 1.2.3, LUKS2 On-Disk Format 1.1: version 16 bits at 6.
//	       libvirt calls them raw, encrypted
//	bochs  Bochs developers guide, "Harddisk Images based on redologs", and qemu block/bochs.c: version
//	       32 bits at 64. Only "Growing" images are complete on their own
//	cloop  qemu block/cloop.c: the script that starts version 2.0
//	vpc    Microsoft, Virtual Hard Disk Image Format Specification 1.0: footer, of which a dynamic disk
//	       has a copy at its start
//	vhdx   Microsoft, [MS-VHDX] 2.2.1
//	vdi    VirtualBox VDICore.h, as qemu block/vdi.c: header version 1.1
//	ploop  qemu docs/interop/parallels.txt: the older magic has 32 bits for the sectors
//	cow    User Mode Linux's, version 2 as qemu wrote it until 2.2 and libvirt reads it
//	qcow   Mark McLoughlin, The QCOW Image Format, version 1
//	qcow2  qemu docs/interop/qcow2.txt: versions 2 and 3
//	qed    qemu docs/specs/qed_spec.txt
//	vmdk   VMware, Virtual Disk Format 5.0: hosted sparse extents KDMV (versions as in libvirt),
//	       ESX server ones COWD, descriptor files
//	iso    ECMA-119 8.4: the first volume descriptor, in sector 16 of 2048 bytes
//	dmg    Apple's UDIF has no specification: the trailer "koly", version 4, length 512, see qemu block/dmg.c
//
// Not recognised, so raw: VMware's seSparse extents, which never occur alone; VHD footers of 511 bytes, from
// before Virtual PC 2004; Bochs's undoable and volatile images, which contain changes to another disk. Names
// of the parents of VHD, VHDX, VDI and COWD are not read, but an image with a parent has ExternalData.
var formats = []format{
	{name: "qcow2", marks: []mark{{0, "QFI\xfb\x00\x00\x00\x03"}},
		capacity: field{24, 8, bigEndian, 1}, details: describeQcow2},
	{name: "qcow2", marks: []mark{{0, "QFI\xfb\x00\x00\x00\x02"}},
		capacity: field{24, 8, bigEndian, 1}, details: describeQcow2},
	{name: "qcow", marks: []mark{{0, "QFI\xfb\x00\x00\x00\x01"}},
		capacity: field{24, 8, bigEndian, 1}, details: describeQcow},
	{name: "qed", marks: []mark{{0, "QED\x00"}},
		capacity: field{48, 8, littleEndian, 1}, details: describeQED},
	{name: "cow", marks: []mark{{0, "OOOM\x00\x00\x00\x02"}},
		capacity: field{1036, 8, bigEndian, 1}, details: describeCow},
	{name: "vmdk", marks: []mark{{0, "KDMV\x01\x00\x00\x00"}},
		capacity: field{12, 8, littleEndian, sector}, details: describeSparse},
	{name: "vmdk", marks: []mark{{0, "KDMV\x02\x00\x00\x00"}},
		capacity: field{12, 8, littleEndian, sector}, details: describeSparse},
	{name: "vmdk", marks: []mark{{0, "KDMV\x03\x00\x00\x00"}},
		capacity: field{12, 8, littleEndian, sector}, details: describeSparse},
	{name: "vmdk", marks: []mark{{0, "COWD\x01\x00\x00\x00"}},
		capacity: field{12, 4, littleEndian, sector}, details: describeCowd},
	{name: "vmdk", marks: []mark{{0, "# Disk DescriptorFile"}},
		confirm: descriptorVersion, details: describeDescriptor},
	{name: "vdi", marks: []mark{{64, "\x7f\x10\xda\xbe\x01\x00\x01\x00"}},
		capacity: field{368, 8, littleEndian, 1}, details: describeVDI},
	{name: "vpc", marks: []mark{{0, "conectix"}, {12, "\x00\x01\x00\x00"}}, details: describeDynamicVHD},
	{name: "vhdx", marks: []mark{{0, "vhdxfile"}}, details: describeVHDX},
	{name: "ploop", marks: []mark{{0, "WithouFreSpacExt"}}, capacity: field{36, 8, littleEndian, sector}},
	{name: "ploop", marks: []mark{{0, "WithoutFreeSpace"}}, capacity: field{36, 4, littleEndian, sector}},
	{name: "raw", marks: []mark{{0, "LUKS\xba\xbe\x00\x01"}}, details: describeLUKS1},
	{name: "raw", marks: []mark{{0, "LUKS\xba\xbe\x00\x02"}}, details: describeLUKS2},
	{name: "bochs", marks: bochs("\x00\x00\x02\x00"), capacity: field{88, 8, littleEndian, 1}},
	{name: "bochs", marks: bochs("\x00\x00\x01\x00"), capacity: field{84, 8, littleEndian, 1}},
	{name: "cloop", marks: []mark{{0, cloopScript}}, details: describeCloop},
	{name: "iso", marks: []mark{{32769, "CD001"}}},
	{name: "vpc", marks: []mark{{-512, "conectix"}, {-512 + 12, "\x00\x01\x00\x00"}},
		confirm: isFixedVHD, details: describeFixedVHD},
	{name: "dmg", marks: []mark{{-512, "koly\x00\x00\x00\x04\x00\x00\x02\x00"}},
		capacity: field{-512 + 492, 8, bigEndian, sector}},
}

func bochs(version string) []mark {
	return []mark{{0, "Bochs Virtual HD Image\x00"}, {32, "Redolog\x00"}, {48, "Growing\x00"}, {64, version}}
}

// recognise returns the format of the image, or nil if it is raw.
func recognise(s *source) *format {
	for i := range formats {
		if formats[i].fits(s) {
			return &formats[i]
		}
	}
	return nil
}

func (f *format) fits(s *source) bool {
	for _, m := range f.marks {
		if !s.record(s.offset(m.at), len(m.text)).has(0, m.text) {
			return false
		}
	}
	return f.confirm == nil || f.confirm(s)
}

func (f *format) describe(s *source) Info {
	info := Info{Format: f.name, Capacity: s.size}
	if c := f.capacity; c.width > 0 {
		if r := s.record(s.offset(c.at), c.width); !r.isEmpty() {
			info.setCapacity(c.number(r), c.unit)
		}
	}
	if f.details != nil {
		f.details(s, &info)
	}
	return info
}
