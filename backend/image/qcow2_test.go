package image

import (
	"math"
	"strings"
)

// qcow2Image makes an image of 128 KiB with clusters of 64 KiB.
func qcow2Image(version uint32, parts ...part) []byte {
	header := []part{{0, "QFI\xfb" + be32(version)}, {20, be32(16) + be64(5*mib)}}
	if version > 2 {
		header = append(header, part{96, be32(4) + be32(104)})
	}
	return build(128*kib, append(header, parts...)...)
}

// extension makes a header extension with the specification's padding.
func extension(kind uint32, text string) string {
	return be32(kind) + be32(uint32(len(text))) + text + strings.Repeat("\x00", -len(text)&7)
}

// overlay makes the field that points to a backing file's name of n bytes.
func overlay(at uint64, n uint32) part { return part{8, be64(at) + be32(n)} }

// v2 and v3 are the properties of the simplest images of these versions.
var (
	v2 = Info{Format: "qcow2", Capacity: 5 * mib, Compat: "0.10", ClusterSize: 64 * kib}
	v3 = Info{Format: "qcow2", Capacity: 5 * mib, Compat: "1.1", ClusterSize: 64 * kib}
)

// but returns a changed copy of an Info.
func (i Info) but(change func(*Info)) Info {
	change(&i)
	return i
}

func backed(name, format string) func(*Info) {
	return func(i *Info) { i.Backing, i.BackingFormat = name, format }
}

var qcow2Samples = []sample{
	{"version 2", qcow2Image(2), v2},
	{"version 3", qcow2Image(3), v3},
	{"no more than magic and version", []byte("QFI\xfb" + be32(3)),
		Info{Format: "qcow2", Capacity: 8, Compat: "1.1"}},
	{"cut before its features", qcow2Image(3)[:72], v3},
	{"snapshots", qcow2Image(3, part{60, be32(2)}), v3.but(func(i *Info) { i.Snapshots = true })},
	{"snapshots in version 2", qcow2Image(2, part{60, be32(1)}), v2.but(func(i *Info) { i.Snapshots = true })},
	{"aes", qcow2Image(3, part{32, be32(1)}), v3.but(func(i *Info) { i.Encryption = "qcow" })},
	{"luks", qcow2Image(3, part{32, be32(2)}), v3.but(func(i *Info) { i.Encryption = "luks" })},
	{"unknown cipher", qcow2Image(3, part{32, be32(3)}), v3},
	{"lazy refcounts", qcow2Image(3, part{80, be64(1)}), v3.but(func(i *Info) { i.LazyRefcounts = true })},
	{"extended l2", qcow2Image(3, part{72, be64(1 << 4)}), v3.but(func(i *Info) { i.ExtendedL2 = true })},
	{"version 2 has no features", qcow2Image(2, part{72, strings.Repeat("\xff", 24)}), v2},
	{"largest size", qcow2Image(3, part{24, be64(math.MaxInt64)}),
		v3.but(func(i *Info) { i.Capacity = math.MaxInt64 })},
	{"size beyond 63 bits", qcow2Image(3, part{24, be64(1 << 63)}),
		v3.but(func(i *Info) { i.Capacity = 128 * kib })},
	{"size of 2^64-1", qcow2Image(3, part{24, be64(math.MaxUint64)}),
		v3.but(func(i *Info) { i.Capacity = 128 * kib })},
	{"cluster bits 63", qcow2Image(3, part{20, be32(63)}), v3.but(func(i *Info) { i.ClusterSize = 0 })},
	{"cluster bits 2^32-1", qcow2Image(3, part{20, be32(math.MaxUint32)}),
		v3.but(func(i *Info) { i.ClusterSize = 0 })},
	{"cluster bits 8", qcow2Image(3, part{20, be32(8)}), v3.but(func(i *Info) { i.ClusterSize = 0 })},

	{"backing", qcow2Image(2, overlay(4000, 8), part{4000, "base.img"}), v2.but(backed("base.img", ""))},
	{"backing beyond the first block", qcow2Image(3, overlay(60000, 8), part{60000, "base.img"}),
		v3.but(backed("base.img", ""))},
	{"backing across the first block", qcow2Image(3, overlay(4092, 8), part{4092, "base.img"}),
		v3.but(backed("base.img", ""))},
	{"backing of 1023", qcow2Image(3, overlay(200, 1023), part{200, strings.Repeat("b", 1024)}),
		v3.but(backed(strings.Repeat("b", 1023), ""))},
	{"backing of 1024", qcow2Image(3, overlay(200, 1024), part{200, strings.Repeat("b", 1024)}), v3},
	{"backing of 2^32-1", qcow2Image(3, overlay(200, math.MaxUint32)), v3},
	{"backing of no length", qcow2Image(3, overlay(200, 0), part{200, "base.img"}), v3},
	{"backing at 2^64-1", qcow2Image(3, overlay(math.MaxUint64, 8)), v3},
	{"backing over the end", qcow2Image(3, overlay(128*kib-4, 8), part{-4, "base"}), v3},
	{"backing up to the end", qcow2Image(3, overlay(128*kib-4, 4), part{-4, "base"}),
		v3.but(backed("base", ""))},
	{"backing with a nul", qcow2Image(3, overlay(200, 8), part{200, "base\x00img"}), v3.but(backed("base", ""))},

	{"backing format", qcow2Image(3, overlay(200, 8), part{200, "base.img"},
		part{104, extension(extensionBackingFormat, "qcow2")}),
		v3.but(backed("base.img", "qcow2"))},
	{"backing format in version 2",
		qcow2Image(2, overlay(200, 8), part{200, "base.img"}, part{72, extension(extensionBackingFormat, "raw")}),
		v2.but(backed("base.img", "raw"))},
	{"backing format of a driver",
		qcow2Image(3, overlay(200, 8), part{200, "base.img"},
			part{104, extension(extensionBackingFormat, "host_device")}),
		v3.but(backed("base.img", "raw"))},
	{"backing format in qemu's words",
		qcow2Image(3, overlay(200, 8), part{200, "base.img"},
			part{104, extension(extensionBackingFormat, "parallels")}),
		v3.but(backed("base.img", "ploop"))},
	{"backing format of encrypted disks",
		qcow2Image(3, overlay(200, 8), part{200, "base.img"}, part{104, extension(extensionBackingFormat, "luks")}),
		v3.but(backed("base.img", ""))},
	{"backing format unknown",
		qcow2Image(3, overlay(200, 8), part{200, "base.img"}, part{104, extension(extensionBackingFormat, "zip")}),
		v3.but(backed("base.img", ""))},
	{"backing format of no backing", qcow2Image(3, part{104, extension(extensionBackingFormat, "raw")}), v3},
	{"backing format after one of odd length", qcow2Image(3, overlay(300, 8), part{300, "base.img"},
		part{104, extension(0x12345678, "odd") + extension(extensionBackingFormat, "vmdk")}),
		v3.but(backed("base.img", "vmdk"))},
	{"backing format beyond the first block", qcow2Image(3, overlay(60000, 8), part{60000, "base.img"},
		part{104, extension(0x12345678, strings.Repeat("x", 5000)) + extension(extensionBackingFormat, "qed")}),
		v3.but(backed("base.img", "qed"))},
	{"backing format after a longer header",
		qcow2Image(3, overlay(200, 8), part{200, "base.img"}, part{100, be32(112)},
			part{112, extension(extensionBackingFormat, "raw")}), v3.but(backed("base.img", "raw"))},
	{"backing format after the end", qcow2Image(3, overlay(200, 8), part{200, "base.img"},
		part{104, extension(extensionEnd, "") + extension(extensionBackingFormat, "raw")}),
		v3.but(backed("base.img", ""))},
	{"backing format within the name",
		qcow2Image(3, overlay(112, 8), part{104, extension(extensionBackingFormat, "raw")}, part{112, "base.img"}),
		v3.but(backed("base.img", ""))},
	{"header too short for its version",
		qcow2Image(3, overlay(200, 8), part{200, "base.img"}, part{100, be32(72)}), v3.but(backed("base.img", ""))},
	{"header of 2^32-1", qcow2Image(3, overlay(200, 8), part{200, "base.img"}, part{100, be32(math.MaxUint32)}),
		v3.but(backed("base.img", ""))},
	{"extension of 2^32-1", qcow2Image(3, part{104, be32(1) + be32(math.MaxUint32)}), v3},
	{"extensions without end", qcow2Image(3, part{104, strings.Repeat(extension(1, ""), 15000)}), v3},

	{"data file", qcow2Image(3, part{72, be64(1 << 2)}, part{104, extension(extensionDataFile, "disk.raw")}),
		v3.but(func(i *Info) { i.DataFile, i.ExternalData = "disk.raw", true })},
	{"data file without a name", qcow2Image(3, part{72, be64(1 << 2)}),
		v3.but(func(i *Info) { i.ExternalData = true })},
	{"data file without its bit", qcow2Image(3, part{104, extension(extensionDataFile, "disk.raw")}), v3},
	{"data file in version 2", qcow2Image(2, part{72, extension(extensionDataFile, "disk.raw")}), v2},
}
