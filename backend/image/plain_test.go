package image

import (
	"math"
	"strings"
)

func bochsImage(kind string, version uint32, parts ...part) []byte {
	header := []part{{0, "Bochs Virtual HD Image"}, {32, "Redolog"}, {48, kind}, {64, le32(version) + le32(512)}}
	return build(kib, append(header, parts...)...)
}

func cloopImage(block, count uint32) []byte {
	return build(kib, part{0, cloopScript}, part{128, be32(block) + be32(count)})
}

func vdiImage(version uint32, capacity uint64) []byte {
	return build(
		kib, part{0, "<<< QEMU VM Virtual Disk Image >>>\n"}, part{64, "\x7f\x10\xda\xbe" + le32(version)},
		part{368, le64(capacity)},
	)
}

func ploopImage(magic string, sectors uint64) []byte {
	return build(kib, part{0, magic + le32(2)}, part{36, le64(sectors)})
}

// plainSamples are samples of formats of which only the capacity is read.
var plainSamples = []sample{
	{"empty", nil, Info{Format: "raw"}},
	{"one byte", []byte("x"), Info{Format: "raw", Capacity: 1}},
	{"zeros", make([]byte, 64*kib), Info{Format: "raw", Capacity: 64 * kib}},
	{"text", []byte(strings.Repeat("no image at all\n", 4096)), Info{Format: "raw", Capacity: 64 * kib}},

	{"bochs", bochsImage("Growing", 0x20000, part{84, le32(7) + le64(5*mib)}),
		Info{Format: "bochs", Capacity: 5 * mib}},
	{"bochs version 1", bochsImage("Growing", 0x10000, part{84, le64(5 * mib)}),
		Info{Format: "bochs", Capacity: 5 * mib}},
	{"bochs version 3", bochsImage("Growing", 0x30000, part{84, le64(5 * mib)}),
		Info{Format: "raw", Capacity: kib}},
	{"bochs changes to another disk", bochsImage("Undoable", 0x20000), Info{Format: "raw", Capacity: kib}},
	{"bochs too large", bochsImage("Growing", 0x20000, part{88, le64(math.MaxUint64)}),
		Info{Format: "bochs", Capacity: kib}},
	{"bochs cut", bochsImage("Growing", 0x20000)[:90], Info{Format: "bochs", Capacity: 90}},

	{"cloop", cloopImage(64*kib, 80), Info{Format: "cloop", Capacity: 5 * mib}},
	{"cloop largest", cloopImage(64*mib, math.MaxUint32),
		Info{Format: "cloop", Capacity: 64 * mib * math.MaxUint32}},
	{"cloop odd block", cloopImage(64*kib+1, 80), Info{Format: "cloop", Capacity: kib}},
	{"cloop huge block", cloopImage(1<<31, 80), Info{Format: "cloop", Capacity: kib}},
	{"cloop cut", cloopImage(64*kib, 80)[:130], Info{Format: "cloop", Capacity: 130}},

	{"vdi", vdiImage(0x10001, 5*mib), Info{Format: "vdi", Capacity: 5 * mib}},
	{"vdi static", with(vdiImage(0x10001, 5*mib), part{76, le32(2)}), Info{Format: "vdi", Capacity: 5 * mib}},
	{"vdi of changes", with(vdiImage(0x10001, 5*mib), part{76, le32(4)}),
		Info{Format: "vdi", Capacity: 5 * mib, ExternalData: true}},
	{"vdi empty", vdiImage(0x10001, 0), Info{Format: "vdi"}},
	{"vdi of another version", vdiImage(0x10002, 5*mib), Info{Format: "raw", Capacity: kib}},
	{"vdi too large", vdiImage(0x10001, 1<<63), Info{Format: "vdi", Capacity: kib}},
	{"vdi cut", vdiImage(0x10001, 5*mib)[:375], Info{Format: "vdi", Capacity: 375}},

	{"ploop", ploopImage("WithouFreSpacExt", 10240), Info{Format: "ploop", Capacity: 5 * mib}},
	{"ploop beyond 32 bits", ploopImage("WithouFreSpacExt", 1<<33), Info{Format: "ploop", Capacity: 1 << 42}},
	{"ploop too large", ploopImage("WithouFreSpacExt", 1<<60), Info{Format: "ploop", Capacity: kib}},
	{"ploop of old", ploopImage("WithoutFreeSpace", 10240|0xbad<<32), Info{Format: "ploop", Capacity: 5 * mib}},

	{"iso", build(64*kib, part{32769, "CD001"}), Info{Format: "iso", Capacity: 64 * kib}},
	{"iso that ends with its magic", build(32774, part{32769, "CD001"}), Info{Format: "iso", Capacity: 32774}},
	{"iso cut in its magic", build(32773, part{32769, "CD00"}), Info{Format: "raw", Capacity: 32773}},

	{"dmg", build(64*kib, part{-512, "koly" + be32(4) + be32(512)}, part{-20, be64(10240)}),
		Info{Format: "dmg", Capacity: 5 * mib}},
	{"dmg of odd length", build(64*kib+3, part{-512, "koly" + be32(4) + be32(512)}, part{-20, be64(10240)}),
		Info{Format: "dmg", Capacity: 5 * mib}},
	{"dmg of nothing but its trailer", build(512, part{0, "koly" + be32(4) + be32(512)}), Info{Format: "dmg"}},
	{"dmg too large", build(kib, part{-512, "koly" + be32(4) + be32(512)}, part{-20, be64(1 << 55)}),
		Info{Format: "dmg", Capacity: kib}},
	{"dmg of another version", build(kib, part{-512, "koly" + be32(5) + be32(512)}),
		Info{Format: "raw", Capacity: kib}},
	{"dmg by its magic only", build(kib, part{-512, "koly"}), Info{Format: "raw", Capacity: kib}},
}
