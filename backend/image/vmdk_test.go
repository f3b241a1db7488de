package image

import (
	"math"
	"strings"
)

// sparse makes a hosted sparse extent with a descriptor in sector 1.
func sparse(version uint32, sectors uint64, text string) []byte {
	return build(
		64*kib, part{0, "KDMV" + le32(version) + le32(3) + le64(sectors) + le64(128) + le64(1) + le64(20)},
		part{512, text},
	)
}

const (
	descriptorHead = "# Disk " +
		"DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"twoGbMaxExtentFlat\"\n"
	extents     = "RW 4194304 FLAT \"a b-f001.vmdk\" 0\nRDONLY 10240 SPARSE \"b.vmdk\"\nNOACCESS 1 ZERO\n"
	extentsSize = (4194304 + 10240 + 1) * 512
	comments    = "# RW 77 FLAT \"x\"\nRWX 77 FLAT \"x\"\nRW -77 FLAT \"x\"\nRW 77\nddb.uuid = \"RW 77 FLAT\"\n"
)

func vmdk(capacity uint64, backing string) Info {
	return Info{Format: "vmdk", Capacity: capacity, Backing: backing}
}

// described returns the expected properties of an image whose data is in the extents of its descriptor.
func described(capacity uint64, backing string) Info {
	return Info{Format: "vmdk", Capacity: capacity, Backing: backing, ExternalData: true}
}

// unsized is a sample with a descriptor that does not determine the capacity.
func unsized(name, text string) sample {
	return sample{name, []byte(text), described(uint64(len(text)), "")}
}

var vmdkSamples = []sample{
	{"sparse", sparse(1, 10240, descriptorHead+"RW 99 SPARSE \"x\"\n"), vmdk(5*mib, "")},
	{"sparse version 2", sparse(2, 10240, ""), vmdk(5*mib, "")},
	{"sparse version 3", sparse(3, 10240, ""), vmdk(5*mib, "")},
	{"sparse version 4", sparse(4, 10240, descriptorHead), Info{Format: "raw", Capacity: 64 * kib}},
	{"sparse with a parent", sparse(1, 10240, descriptorHead+"parentFileNameHint=\"base.vmdk\"\n"),
		vmdk(5*mib, "base.vmdk")},
	{"sparse with parents",
		sparse(1, 10240, descriptorHead+"parentFileNameHint=\"a\"\nparentFileNameHint=\"b\"\n"), vmdk(5*mib, "a")},
	{"sparse with a parent in windows",
		sparse(1, 10240, descriptorHead+"parentFileNameHint = \"C:\\base.vmdk\"\r\n"),
		described(5*mib, `C:\base.vmdk`)},
	{"sparse with an empty parent", sparse(1, 10240, "parentFileNameHint=\"\"\n"), vmdk(5*mib, "")},
	{"sparse with an open parent", sparse(1, 10240, "parentFileNameHint=\"base\n"), vmdk(5*mib, "")},
	{"sparse with a long parent", sparse(1, 10240, "parentFileNameHint=\""+strings.Repeat("b", 1024)+"\"\n"),
		vmdk(5*mib, "")},
	{"sparse with a parent after a nul", sparse(1, 10240, "version=1\n\x00\nparentFileNameHint=\"base.vmdk\"\n"),
		vmdk(5*mib, "")},
	{"sparse with a parent after a line without end",
		sparse(1, 10240, strings.Repeat("x", 5000)+"\nparentFileNameHint=\"base.vmdk\"\n"), described(5*mib, "")},
	{"sparse that leaves it to extents", sparse(1, 0, descriptorHead+extents), described(extentsSize, "")},
	{"sparse too large", sparse(1, 1<<55, descriptorHead+extents), vmdk(64*kib, "")},
	{"sparse of 2^64-1", sparse(1, math.MaxUint64, ""), vmdk(64*kib, "")},
	{"sparse with a descriptor at 2^64-1", with(sparse(1, 10240, ""), part{28, strings.Repeat("\xff", 16)}),
		vmdk(5*mib, "")},
	{"sparse with a descriptor at the end", with(sparse(1, 10240, ""), part{28, le64(128)}), vmdk(5*mib, "")},
	{"sparse with a descriptor without end",
		with(sparse(1, 10240, strings.Repeat("\n", 60*kib)), part{36, le64(math.MaxUint64)}), vmdk(5*mib, "")},
	{"sparse cut", sparse(1, 10240, descriptorHead)[:19], described(19, "")},
	{"sparse without a descriptor and without sectors", with(sparse(1, 0, ""), part{28, le64(0)}),
		described(0, "")},
	{"sparse with another parent for qemu",
		with(sparse(1, 10240, descriptorHead+"parentFileNameHint=\"other\"\n"), part{28, le64(64)},
			part{32 * kib, descriptorHead + "parentFileNameHint=\"base.vmdk\"\n"}), described(5*mib, "base.vmdk")},
	{"sparse with a parent in a comment", sparse(1, 10240, descriptorHead+"#parentFileNameHint=\"base.vmdk\"\n"),
		described(5*mib, "")},
	{"esx with a parent",
		build(kib, part{0, "COWD" + le32(1) + le32(3) + le32(10240)},
			part{512, "parentFileNameHint=\"base.vmdk\"\n"}), described(5*mib, "")},
	{"esx", build(kib, part{0, "COWD" + le32(1) + le32(3) + le32(10240)}), vmdk(5*mib, "")},
	{"esx of another version", build(kib, part{0, "COWD" + le32(2)}), Info{Format: "raw", Capacity: kib}},

	{"descriptor", []byte(descriptorHead + comments + extents), described(extentsSize, "")},
	{"descriptor in windows", []byte(strings.ReplaceAll(descriptorHead+extents, "\n", "\r\n")),
		described(extentsSize, "")},
	{"descriptor with a parent", []byte(descriptorHead + "parentFileNameHint=\"base.vmdk\"\n" + extents),
		described(extentsSize, "base.vmdk")},
	unsized("descriptor without extents", descriptorHead),
	unsized("descriptor of 2^64 sectors", descriptorHead+"RW 18446744073709551616 FLAT \"x\"\n"),
	unsized("descriptor that overflows",
		descriptorHead+strings.Repeat("RW 9223372036854775807 FLAT \"x\"\n", 2)+"RW 9 FLAT \"x\"\n"),
	{"descriptor across blocks", []byte(descriptorHead + strings.Repeat("RW 2 FLAT \"x\" 0\n", 1000)),
		described(1000*kib, "")},
	unsized("descriptor of more than is read", descriptorHead+strings.Repeat("RW 2 FLAT \"x\" 0\n", 65536)),
	{"descriptor of version 4", []byte("# Disk DescriptorFile\n \nversion=4\n"),
		Info{Format: "raw", Capacity: 34}},
	{"descriptor without a version", []byte("# Disk DescriptorFile\n# no more\n"),
		Info{Format: "raw", Capacity: 32}},
}
