package image

import "math"

// vhdFooterOf makes a footer with a correct checksum. The geometry is 100 * 4 * 17 sectors, unless parts
// change it.
func vhdFooterOf(kind uint32, creator string, size uint64, parts ...part) string {
	footer := build(512, append([]part{{0, "conectix" + be32(2) + be32(0x10000)}, {28, creator},
		{40, be64(1) + be64(size) + be16(100) + "\x04\x11" + be32(kind)}}, parts...)...)
	sum := uint32(0)
	for _, c := range footer {
		sum += uint32(c)
	}
	return string(with(footer, part{64, be32(^sum)}))
}

func dynamicVHD(creator string, size uint64, parts ...part) []byte {
	footer := vhdFooterOf(3, creator, size, parts...)
	return build(2048, part{0, footer}, part{512, "cxsparse"}, part{-512, footer})
}

func fixedVHD(creator string, size uint64) []byte {
	return build(5*mib+512, part{-512, vhdFooterOf(2, creator, size)})
}

// geometry is the size in bytes of the footer's 100 * 4 * 17 sectors.
const geometry = 100 * 4 * 17 * 512

var (
	largest  = part{56, be16(65535) + "\x10\xff"}
	fixedRaw = Info{Format: "raw", Capacity: 5*mib + 512}
)

var vhdSamples = []sample{
	{"dynamic by qemu", dynamicVHD("qemu", 5*mib), Info{Format: "vpc", Capacity: geometry}},
	{"dynamic by virtual pc", dynamicVHD("vpc ", 5*mib), Info{Format: "vpc", Capacity: geometry}},
	{"dynamic by virtual pc, too large for a geometry", dynamicVHD("vpc ", 1<<40, largest),
		Info{Format: "vpc", Capacity: 1 << 40}},
	{"dynamic by qemu of an exact size", dynamicVHD("qem2", 5*mib), Info{Format: "vpc", Capacity: 5 * mib}},
	{"dynamic by hyper-v", dynamicVHD("win ", 5*mib+100), Info{Format: "vpc", Capacity: 5 * mib}},
	{"dynamic by azure", dynamicVHD("wa\x00\x00", 5*mib), Info{Format: "vpc", Capacity: 5 * mib}},
	{"dynamic of 2^64-1", dynamicVHD("win ", math.MaxUint64), Info{Format: "vpc", Capacity: 2048}},
	{"dynamic of another version", with(dynamicVHD("win ", 5*mib), part{12, be32(0x20000)}),
		Info{Format: "raw", Capacity: 2048}},
	{"dynamic cut in its footer", dynamicVHD("win ", 5*mib)[:511], Info{Format: "vpc", Capacity: 511}},

	{"differencing", dynamicVHD("win ", 5*mib, part{60, be32(4)}),
		Info{Format: "vpc", Capacity: 5 * mib, ExternalData: true}},

	{"fixed", fixedVHD("qemu", 5*mib), Info{Format: "vpc", Capacity: 5 * mib}},
	{"fixed and smaller than its file", fixedVHD("win ", 3*mib), Info{Format: "vpc", Capacity: 3 * mib}},
	{"fixed and larger than its file", fixedVHD("win ", 5*mib+1), Info{Format: "vpc", Capacity: 5*mib + 512}},
	{"fixed of 2^64-1", fixedVHD("win ", math.MaxUint64), Info{Format: "vpc", Capacity: 5*mib + 512}},
	{"fixed of nothing", []byte(vhdFooterOf(2, "win ", 0)), Info{Format: "vpc"}},
	{"fixed with a wrong checksum", with(fixedVHD("win ", 5*mib), part{-1, "x"}), fixedRaw},
	{"fixed by its magic only", build(5*mib+512, part{-512, "conectix"}), fixedRaw},
	{"dynamic by its last footer only", build(5*mib+512, part{-512, vhdFooterOf(3, "win ", 5*mib)}), fixedRaw},
	{"fixed around another image", with(fixedVHD("win ", 5*mib), part{0, "QFI\xfb" + be32(3)}),
		Info{Format: "qcow2", Compat: "1.1"}},
}
