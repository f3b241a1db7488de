package image

// A vhdxTable describes the start of a table of [MS-VHDX]. In both kinds, an entry has 32 bytes, which begin
// with a GUID of 16 bytes.
type vhdxTable struct {
	signature string
	countAt   uint64 // offset of the number of entries
	width     int    // size of that number
	first     uint64 // offset of the entries
}

const vhdxEntry = 32

// Region table: 2.2.3. Metadata table: 2.6.1. The GUIDs are of 2.2.3.2 and 2.6.2.2, in the byte order of
// files.
var (
	vhdxRegions = vhdxTable{"regi", 8, 4, 16}
	vhdxItems   = vhdxTable{"metadata", 10, 2, 32}
)

const (
	vhdxMetadata       = "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e"
	vhdxFileParameters = "\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b"
	// vhdxHasParent is a bit in the flags, which follow the block size of 32 bits: the disk contains changes
	// to another disk ([MS-VHDX] 2.6.2.1).
	vhdxHasParent = 1 << 1
	vhdxDiskSize  = "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8"
)

// describeVHDX follows the region table, of which there are two copies, to the metadata table, and reads the
// disk's size and whether the disk has a parent.
//
// It reads only the first block of each table, which has space for 127 regions (there are two) and 127 items
// (there are six). It does not verify checksums, which cover 64 KiB, and does not replay the log: the values
// change only when the disk is resized.
func describeVHDX(s *source, i *Info) {
	for _, table := range [...]uint64{192 << 10, 256 << 10} {
		region := vhdxRegions.find(s.record(table, blockSize), vhdxMetadata)
		if region.isEmpty() {
			continue
		}
		metadata := region.le(16, 8)
		table := s.record(metadata, blockSize)
		size := vhdxItems.find(table, vhdxDiskSize).le(16, 4)
		parameters := vhdxItems.find(table, vhdxFileParameters).le(16, 4)
		if parameters > 0 {
			i.ExternalData = i.ExternalData || s.le(metadata+parameters+4, 4)&vhdxHasParent != 0
		}
		if size == 0 {
			continue
		}
		if size := s.record(metadata+size, 8); !size.isEmpty() {
			i.setCapacity(littleEndian(size), 1)
			return
		}
	}
}

// find returns the entry with a GUID in the table at the start of r, or an empty record.
func (t vhdxTable) find(r record, guid string) record {
	if !r.has(0, t.signature) {
		return record{}
	}
	at := t.first
	for range r.le(t.countAt, t.width) {
		entry := r.part(at, vhdxEntry)
		if entry.isEmpty() || entry.has(0, guid) {
			return entry
		}
		at += vhdxEntry
	}
	return record{}
}
