package image

import "bytes"

// A vhdxTable says how a table of [MS-VHDX] starts. In both kinds an entry has 32 bytes, the first 16 of which are a GUID.
type vhdxTable struct {
	signature string
	count     [2]int // from where to where the number of entries stands
	first     int    // where the entries begin
}

const vhdxEntry = 32

// Region table: 2.2.3. Metadata table: 2.6.1. The GUIDs are of 2.2.3.2 and 2.6.2.2, as they stand in a file.
var (
	vhdxRegions = vhdxTable{"regi", [2]int{8, 12}, 16}
	vhdxItems   = vhdxTable{"metadata", [2]int{10, 12}, 32}
)

const (
	vhdxMetadata = "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e"
	vhdxDiskSize = "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8"
)

// describeVHDX follows the region table, of which there are two copies, to the metadata table, and that to the size of the disk.
//
// Only the first block of each table is looked at: room for 127 regions, of which there are two, and for 127 items, of which there
// are six. Checksums, which run over 64 KiB, are not verified and no log is replayed: what is read here changes only when the
// disk is resized.
func describeVHDX(s *source, i *Info) {
	for _, table := range [...]uint64{192 << 10, 256 << 10} {
		region := vhdxRegions.find(s.bytes(table, blockSize), vhdxMetadata)
		if region == nil {
			continue
		}
		metadata := littleEndian(region[16:24])
		item := vhdxItems.find(s.bytes(metadata, blockSize), vhdxDiskSize)
		if item == nil {
			continue
		}
		if b := s.bytes(metadata+littleEndian(item[16:20]), 8); b != nil {
			i.setCapacity(littleEndian(b), 1)
			return
		}
	}
}

// find returns the entry with this GUID in the table that b begins with, nil when there is none.
func (t vhdxTable) find(b []byte, guid string) []byte {
	if !bytes.HasPrefix(b, []byte(t.signature)) {
		return nil
	}
	entries := littleEndian(b[t.count[0]:t.count[1]])
	for at := t.first; entries > 0 && at+vhdxEntry <= len(b); at += vhdxEntry {
		if entry := b[at : at+vhdxEntry]; string(entry[:len(guid)]) == guid {
			return entry
		}
		entries--
	}
	return nil
}
