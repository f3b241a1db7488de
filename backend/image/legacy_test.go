package image

import (
	"math"
	"strings"
)

func qcowImage(size int, parts ...part) []byte {
	return build(size, append([]part{{0, "QFI\xfb" + be32(1)}, {24, be64(5 * mib)}}, parts...)...)
}

func qedImage(features uint64, parts ...part) []byte {
	header := []part{{0, "QED\x00" + le32(64*kib) + le32(4) + le32(1) + le64(features)}, {48, le64(5 * mib)}}
	return build(8*kib, append(header, parts...)...)
}

func cowImage(size int, backing string) []byte {
	return build(size, part{0, "OOOM" + be32(2) + backing}, part{1036, be64(5 * mib)})
}

var legacySamples = []sample{
	{"qcow", qcowImage(512), Info{Format: "qcow", Capacity: 5 * mib}},
	{"qcow with backing", qcowImage(512, part{8, be64(48) + be32(8)}, part{48, "base.img"}),
		Info{Format: "qcow", Capacity: 5 * mib, Backing: "base.img"}},
	{"qcow encrypted", qcowImage(512, part{36, be32(1)}),
		Info{Format: "qcow", Capacity: 5 * mib, Encryption: "qcow"}},
	{"qcow backing beyond the end", qcowImage(512, part{8, be64(505) + be32(8)}),
		Info{Format: "qcow", Capacity: 5 * mib}},
	{"qcow backing at 2^64-1", qcowImage(512, part{8, be64(math.MaxUint64) + be32(8)}),
		Info{Format: "qcow", Capacity: 5 * mib}},
	{"qcow backing too long",
		qcowImage(8*kib, part{8, be64(48) + be32(1024)}, part{48, strings.Repeat("b", 1024)}),
		Info{Format: "qcow", Capacity: 5 * mib}},
	{"qcow without a size", []byte("QFI\xfb" + be32(1)), Info{Format: "qcow", Capacity: 8}},
	{"qcow of another version", []byte("QFI\xfb" + be32(4) + strings.Repeat("\x01", 92)),
		Info{Format: "raw", Capacity: 100}},
	{"qcow by three bytes", []byte("QFI\x00" + be32(1) + strings.Repeat("\x01", 92)),
		Info{Format: "raw", Capacity: 100}},

	{"qed", qedImage(0), Info{Format: "qed", Capacity: 5 * mib}},
	{"qed with backing", qedImage(1, part{56, le32(6000) + le32(8)}, part{6000, "base.img"}),
		Info{Format: "qed", Capacity: 5 * mib, Backing: "base.img"}},
	{"qed with raw backing", qedImage(5, part{56, le32(64) + le32(8)}, part{64, "base.img"}),
		Info{Format: "qed", Capacity: 5 * mib, Backing: "base.img", BackingFormat: "raw"}},
	{"qed backing without its bit", qedImage(4, part{56, le32(64) + le32(8)}, part{64, "base.img"}),
		Info{Format: "qed", Capacity: 5 * mib}},
	{"qed backing beyond the end", qedImage(5, part{56, le32(math.MaxUint32) + le32(8)}),
		Info{Format: "qed", Capacity: 5 * mib}},
	{"qed too large", qedImage(0, part{48, le64(math.MaxUint64)}), Info{Format: "qed", Capacity: 8 * kib}},
	{"qed by three bytes", []byte("QEDitor"), Info{Format: "raw", Capacity: 7}},

	{"cow", cowImage(2*kib, ""), Info{Format: "cow", Capacity: 5 * mib}},
	{"cow with backing", cowImage(2*kib, "base.img"),
		Info{Format: "cow", Capacity: 5 * mib, Backing: "base.img"}},
	{"cow with the longest backing", cowImage(2*kib, strings.Repeat("b", 1024)),
		Info{Format: "cow", Capacity: 5 * mib, Backing: strings.Repeat("b", 1024)}},
	{"cow cut in its backing", cowImage(2*kib, "base.img")[:1031], Info{Format: "cow", Capacity: 1031}},
	{"cow of another version", with(cowImage(2*kib, "base.img"), part{4, be32(3)}),
		Info{Format: "raw", Capacity: 2 * kib}},
}
