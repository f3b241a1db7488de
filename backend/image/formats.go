package image

// A format is one version of a format: how it is told from others, and what its header says.
type format struct {
	name     string
	marks    []mark               // all of them must be there
	confirm  func(*source) bool   // what marks cannot say; nil: they are enough
	capacity field                // where the capacity stands; of width 0: the size of the file, unless details knows better
	details  func(*source, *Info) // fills in the rest; nil: there is no more
}

// A mark is text that stands at a position, from the end of the image when that is negative.
type mark struct {
	at   int64
	text string
}

// A field is a number that stands at a position (as a mark's) and counts units of so many bytes.
type field struct {
	at     int64
	width  int
	number func(record) uint64
	unit   uint64
}

// formats are tried in order, the first that fits wins: those told by their first block, then those that need another read, so that
// only what looks raw costs all three. (libvirt looks for iso before the formats with backing files, and so misreads a qcow2 image of
// small clusters that has a guest's CD at just that place.)
//
// Where the rows come from:
//
//	luks   LUKS1 On-Disk Format 1.2.3, LUKS2 On-Disk Format 1.1: version 16 bits at 6. Libvirt calls them raw, encrypted
//	bochs  Bochs developers guide, "Harddisk Images based on redologs", and qemu block/bochs.c: version 32 bits at 64. Only "Growing"
//	       stands alone
//	cloop  qemu block/cloop.c: the script that starts version 2.0
//	vpc    Microsoft, Virtual Hard Disk Image Format Specification 1.0: footer, of which a dynamic disk has a copy at its start
//	vhdx   Microsoft, [MS-VHDX] 2.2.1
//	vdi    VirtualBox VDICore.h, as qemu block/vdi.c: header version 1.1
//	ploop  qemu docs/interop/parallels.txt: the older magic has 32 bits for the sectors
//	cow    User Mode Linux's, version 2 as qemu wrote it until 2.2 and libvirt reads it
//	qcow   Mark McLoughlin, The QCOW Image Format, version 1
//	qcow2  qemu docs/interop/qcow2.txt: versions 2 and 3
//	qed    qemu docs/specs/qed_spec.txt
//	vmdk   VMware, Virtual Disk Format 5.0: hosted sparse extents KDMV (versions as libvirt's), ESX server ones COWD, descriptor files
//	iso    ECMA-119 8.4: the first volume descriptor, in sector 16 of 2048 bytes
//	dmg    Apple's UDIF has no specification: the trailer "koly", version 4, length 512, see qemu block/dmg.c
//
// Not recognised, and raw: VMware's seSparse extents, which are never alone; VHD footers of 511 bytes, from before Virtual PC 2004;
// what Bochs calls undoable and volatile, the changes to another disk. The parents of VHD, VHDX, VDI and COWD are not read, but that there is one is ExternalData.
var formats = []format{
	{name: "qcow2", marks: []mark{{0, "QFI\xfb\x00\x00\x00\x03"}}, capacity: field{24, 8, bigEndian, 1}, details: describeQcow2},
	{name: "qcow2", marks: []mark{{0, "QFI\xfb\x00\x00\x00\x02"}}, capacity: field{24, 8, bigEndian, 1}, details: describeQcow2},
	{name: "qcow", marks: []mark{{0, "QFI\xfb\x00\x00\x00\x01"}}, capacity: field{24, 8, bigEndian, 1}, details: describeQcow},
	{name: "qed", marks: []mark{{0, "QED\x00"}}, capacity: field{48, 8, littleEndian, 1}, details: describeQED},
	{name: "cow", marks: []mark{{0, "OOOM\x00\x00\x00\x02"}}, capacity: field{1036, 8, bigEndian, 1}, details: describeCow},
	{name: "vmdk", marks: []mark{{0, "KDMV\x01\x00\x00\x00"}}, capacity: field{12, 8, littleEndian, sector}, details: describeSparse},
	{name: "vmdk", marks: []mark{{0, "KDMV\x02\x00\x00\x00"}}, capacity: field{12, 8, littleEndian, sector}, details: describeSparse},
	{name: "vmdk", marks: []mark{{0, "KDMV\x03\x00\x00\x00"}}, capacity: field{12, 8, littleEndian, sector}, details: describeSparse},
	{name: "vmdk", marks: []mark{{0, "COWD\x01\x00\x00\x00"}}, capacity: field{12, 4, littleEndian, sector}, details: describeCowd},
	{name: "vmdk", marks: []mark{{0, "# Disk DescriptorFile"}}, confirm: descriptorVersion, details: describeDescriptor},
	{name: "vdi", marks: []mark{{64, "\x7f\x10\xda\xbe\x01\x00\x01\x00"}}, capacity: field{368, 8, littleEndian, 1}, details: describeVDI},
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
	{name: "vpc", marks: []mark{{-512, "conectix"}, {-512 + 12, "\x00\x01\x00\x00"}}, confirm: isFixedVHD, details: describeFixedVHD},
	{name: "dmg", marks: []mark{{-512, "koly\x00\x00\x00\x04\x00\x00\x02\x00"}}, capacity: field{-512 + 492, 8, bigEndian, sector}},
}

func bochs(version string) []mark {
	return []mark{{0, "Bochs Virtual HD Image\x00"}, {32, "Redolog\x00"}, {48, "Growing\x00"}, {64, version}}
}

// recognise returns the format of the image, nil for a raw one.
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
		if !s.record(s.from(m.at), len(m.text)).has(0, m.text) {
			return false
		}
	}
	return f.confirm == nil || f.confirm(s)
}

func (f *format) describe(s *source) Info {
	info := Info{Format: f.name, Capacity: s.size}
	if c := f.capacity; c.width > 0 {
		if r := s.record(s.from(c.at), c.width); !r.isEmpty() {
			info.setCapacity(c.number(r), c.unit)
		}
	}
	if f.details != nil {
		f.details(s, &info)
	}
	return info
}
