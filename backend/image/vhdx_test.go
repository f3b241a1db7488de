package image

import (
	"math"
	"strings"
)

const (
	region1 = 192 * kib
	region2 = 256 * kib
	unknown = "0123456789abcdef" // an unknown GUID
)

// regions makes a region table whose last entry points to the metadata.
func regions(metadata uint64) string {
	return "regi\x00\x00\x00\x00" + le32(2) + le32(0) + unknown + le64(mib) + le64(mib) + vhdxMetadata +
		le64(metadata) + le64(mib)
}

// items makes a metadata table whose last entry points to the size.
func items(size uint32) string {
	header := "metadata\x00\x00" + le16(2) + strings.Repeat("\x00", 20)
	return header + unknown + le32(64*kib) + le32(8) + le64(0) + vhdxDiskSize + le32(size) + le32(8) + le64(0)
}

// parameters replaces the unknown item by file parameters with the given flags.
func parameters(flags uint32) []part {
	return []part{{mib + 32, vhdxFileParameters}, {mib + 48, le32(500)}, {mib + 500, le32(mib) + le32(flags)}}
}

func vhdxImage(parts ...part) []byte {
	all := []part{{0, "vhdxfile"}, {region1, regions(mib)}, {mib, items(400)}, {mib + 400, le64(5 * mib)}}
	return build(2*mib, append(all, parts...)...)
}

var (
	vhdxGood = Info{Format: "vhdx", Capacity: 5 * mib}
	vhdxSize = Info{Format: "vhdx", Capacity: 2 * mib} // the file's size
)

var vhdxSamples = []sample{
	{"good", vhdxImage(), vhdxGood},
	{"size in another block", vhdxImage(part{mib, items(64 * kib)}, part{mib + 64*kib, le64(7 * mib)}),
		Info{Format: "vhdx", Capacity: 7 * mib}},
	{"differencing", vhdxImage(parameters(vhdxHasParent)...),
		Info{Format: "vhdx", Capacity: 5 * mib, ExternalData: true}},
	{"differencing of no size", vhdxImage(append(parameters(vhdxHasParent), part{mib + 64, unknown})...),
		Info{Format: "vhdx", Capacity: 2 * mib, ExternalData: true}},
	{"with room for all blocks", vhdxImage(parameters(1)...), vhdxGood},
	{"second copy", vhdxImage(part{region1, "torn"}, part{region2, regions(mib)}), vhdxGood},
	{"first copy leads nowhere", vhdxImage(part{region1, regions(mib + 1)}, part{region2, regions(mib)}),
		vhdxGood},
	{"no region table", vhdxImage(part{region1, "torn"}), vhdxSize},
	{"no metadata region", vhdxImage(part{region1 + 8, le32(1)}), vhdxSize},
	{"metadata beyond the end", vhdxImage(part{region1, regions(2 * mib)}), vhdxSize},
	{"metadata at 2^64-1", vhdxImage(part{region1, regions(math.MaxUint64)}), vhdxSize},
	{"no metadata table", vhdxImage(part{mib, "metadat."}), vhdxSize},
	{"no size item", vhdxImage(part{mib + 10, le16(1)}), vhdxSize},
	{"size item beyond the end", vhdxImage(part{mib, items(math.MaxUint32)}), vhdxSize},
	{"size of 2^64-1", vhdxImage(part{mib + 400, le64(math.MaxUint64)}), vhdxSize},
	{"2^32-1 regions", vhdxImage(part{region1 + 8, le32(math.MaxUint32)}, part{region1 + 48, unknown}),
		vhdxSize},
	{"magic only", []byte("vhdxfile"), Info{Format: "vhdx", Capacity: 8}},
}
