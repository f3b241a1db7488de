package image

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// qemuImages are created by qemu-img create -f FORMAT OPTIONS ($BASE is a raw image, $OVER a qcow2 image),
// and compared with the output of qemu-img info.
var qemuImages = []struct{ name, format, options string }{
	{"raw", "raw", "5M"},
	{"raw empty", "raw", "0"},
	{"raw preallocated", "raw", "-o preallocation=full 64K"},

	{"qcow", "qcow", "5M"},
	{"qcow backing", "qcow", "-b $BASE -F raw 6M"},
	{"qcow encrypted", "qcow", "-o encrypt.format=aes,encrypt.key-secret=s 5M"},

	{"qcow2", "qcow2", "5M"},
	{"qcow2 empty", "qcow2", "0"},
	{"qcow2 of 2 EiB", "qcow2", "-o cluster_size=2M 2E"},
	{"qcow2 of 1 byte", "qcow2", "1"},
	{"qcow2 v2", "qcow2", "-o compat=0.10 5M"},
	{"qcow2 v2 backing", "qcow2", "-o compat=0.10 -b $BASE -F raw"},
	{"qcow2 v2 clusters", "qcow2", "-o compat=0.10,cluster_size=512 5M"},
	{"qcow2 v2 encrypted", "qcow2", "-o compat=0.10,encrypt.format=aes,encrypt.key-secret=s 5M"},
	{"qcow2 clusters 512", "qcow2", "-o cluster_size=512 5M"},
	{"qcow2 clusters 512 backing", "qcow2", "-o cluster_size=1024 -b $BASE -F raw 5M"},
	{"qcow2 clusters 2M", "qcow2", "-o cluster_size=2M 5M"},
	{"qcow2 extended l2", "qcow2", "-o extended_l2=on,cluster_size=128K 5M"},
	{"qcow2 lazy refcounts", "qcow2", "-o lazy_refcounts=on 5M"},
	{"qcow2 refcount bits", "qcow2", "-o refcount_bits=1 5M"},
	{"qcow2 zstd", "qcow2", "-o compression_type=zstd 5M"},
	{"qcow2 zstd backing", "qcow2", "-o compression_type=zstd -b $BASE -F raw 5M"},
	{"qcow2 metadata", "qcow2", "-o preallocation=metadata 5M"},
	{"qcow2 falloc", "qcow2", "-o preallocation=falloc 5M"},
	{"qcow2 full", "qcow2", "-o preallocation=full 1M"},
	{"qcow2 data file", "qcow2", "-o data_file=data.raw 5M"},
	{"qcow2 raw data file", "qcow2", "-o data_file=data.raw,data_file_raw=on 5M"},
	{"qcow2 data file and backing", "qcow2", "-o data_file=data.raw -b $BASE -F raw 5M"},
	{"qcow2 aes", "qcow2", "-o encrypt.format=aes,encrypt.key-secret=s 5M"},
	{"qcow2 luks backing", "qcow2",
		"-o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 -b $BASE -F raw 5M"},
	{"qcow2 backing raw", "qcow2", "-b $BASE -F raw"},
	{"qcow2 backing qcow2", "qcow2", "-b $OVER -F qcow2"},
	{"qcow2 backing driver", "qcow2", "-b $BASE -F file"},
	{"qcow2 backing relative", "qcow2", "-b base.raw -F raw"},
	{"qcow2 backing parallels", "qcow2", "-u -b other -F parallels 5M"},
	{"qcow2 backing vhdx", "qcow2", "-u -b other -F vhdx 5M"},
	{"qcow2 backing of 1000", "qcow2", "-u -F raw 5M -b " + strings.Repeat("directory/", 100)},
	{"qcow2 backing of 1000 in v2", "qcow2",
		"-u -F raw -o compat=0.10 5M -b " + strings.Repeat("directory/", 100)},
	{"qcow2 backing nbd", "qcow2", "-u -F raw 5M -b nbd://localhost/disk"},
	{"qcow2 backing json", "qcow2", `-u -F raw 5M -b json:{"driver":"file","filename":"/srv/base.img"}`},
	{"qcow2 everything", "qcow2",
		"-o extended_l2=on,lazy_refcounts=on,cluster_size=64K,compression_type=zstd,refcount_bits=64 " +
			"-b $OVER -F qcow2 6M"},

	{"qed", "qed", "5M"},
	{"qed clusters", "qed", "-o cluster_size=4K 5M"},
	{"qed backing raw", "qed", "-b $BASE -F raw"},
	{"qed backing qcow2", "qed", "-b $OVER -F qcow2"},

	{"vdi", "vdi", "5M"},
	{"vdi static", "vdi", "-o static=on 5M"},
	{"vdi of 1 TiB", "vdi", "1T"},

	{"vmdk", "vmdk", "5M"},
	{"vmdk monolithicSparse", "vmdk", "-o subformat=monolithicSparse 5G"},
	{"vmdk monolithicFlat", "vmdk", "-o subformat=monolithicFlat 5M"},
	{"vmdk twoGbMaxExtentSparse", "vmdk", "-o subformat=twoGbMaxExtentSparse 5G"},
	{"vmdk twoGbMaxExtentFlat", "vmdk", "-o subformat=twoGbMaxExtentFlat 5G"},
	{"vmdk streamOptimized", "vmdk", "-o subformat=streamOptimized 5M"},
	{"vmdk of version 6", "vmdk", "-o compat6=on,adapter_type=lsilogic 5M"},
	{"vmdk zeroed grains", "vmdk", "-o zeroed_grain=on 5M"},
	{"vmdk backing", "vmdk", "-b $VMDK -F vmdk"},
	{"vmdk backing of two extents", "vmdk", "-o subformat=twoGbMaxExtentSparse -b $VMDK -F vmdk"},

	{"vpc", "vpc", "5M"},
	{"vpc exact", "vpc", "-o force_size=on 5M"},
	{"vpc fixed", "vpc", "-o subformat=fixed 5M"},
	{"vpc fixed exact", "vpc", "-o subformat=fixed,force_size=on 5M"},
	{"vpc too large for a geometry", "vpc", "200G"},
	{"vpc largest", "vpc", "2040G"},

	{"vhdx", "vhdx", "5M"},
	{"vhdx fixed", "vhdx", "-o subformat=fixed 5M"},
	{"vhdx of 64 TiB", "vhdx", "64T"},
	{"vhdx blocks", "vhdx", "-o block_size=1M,log_size=2M 5M"},

	{"parallels", "parallels", "5M"},
	{"parallels of 8 TiB", "parallels", "-o cluster_size=16M 8T"},

	{"luks", "luks", "-o key-secret=s,iter-time=10 5M"},
	{"luks empty", "luks", "-o key-secret=s,iter-time=10 0"},
}

func TestAgainstQemu(t *testing.T) {
	q := newQemu(t)
	for _, image := range qemuImages {
		t.Run(strings.ReplaceAll(image.name, " ", "-"), func(t *testing.T) {
			file := q.create(t, image.format, image.options)
			q.compare(t, file, image.format)
		})
	}
}

// TestHandmadeAgainstQemu compares samples of formats that qemu-img cannot write with qemu's reading of them.
func TestHandmadeAgainstQemu(t *testing.T) {
	q := newQemu(t)
	for _, image := range []struct {
		name, format string
		image        []byte
	}{
		{"bochs", "bochs", bochsImage("Growing", 0x20000, part{72, le32(80) + le32(16) + le32(64*kib)},
			part{88, le64(5 * mib)})},
		{"bochs version 1", "bochs",
			bochsImage("Growing", 0x10000, part{72, le32(80) + le32(16) + le32(64*kib) + le64(5*mib)})},
		{"cloop", "cloop", cloopImage(64*kib, 80)},
		{"dmg", "dmg", build(64*kib, part{-512, "koly" + be32(4) + be32(512)},
			part{-512 + 0xd8, be64(0) + be64(kib)}, part{-20, be64(10240)})},
		{"ploop of old", "parallels", with(ploopImage("WithoutFreeSpace", 10240), part{28, le32(2048) + le32(5)})},
		{"vmdk esx", "vmdk",
			build(mib, part{0, "COWD" + le32(1) + le32(3) + le32(10240) + le32(1) + le32(4) + le32(1)},
				part{512, descriptorHead})},
		{"vmdk of a descriptor", "vmdk", sparseOfZeros()},
		{"vpc by virtual pc", "vpc", dynamicOfBlocks("vpc ", 5*mib)},
		{"vpc by hyper-v", "vpc", dynamicOfBlocks("win ", 5*mib)},
		{"vpc by disk2vhd", "vpc", dynamicOfBlocks("d2v ", 5*mib)},
		{"vpc by virtual pc too large for a geometry", "vpc", dynamicOfBlocks("vpc ", 5*mib, largest)},
		{"vpc fixed by hyper-v", "vpc", fixedVHD("win ", 5*mib)},
	} {
		t.Run(strings.ReplaceAll(image.name, " ", "-"), func(t *testing.T) {
			file := filepath.Join(q.dir, strings.ReplaceAll(t.Name(), "/", "_"))
			if err := os.WriteFile(file, image.image, 0o600); err != nil {
				t.Fatal(err)
			}
			q.compare(t, file, image.format)
		})
	}
}

// TestParentsOfQemu checks that an image with a parent that qemu would open, but that is not Backing, has
// ExternalData.
func TestParentsOfQemu(t *testing.T) {
	q := newQemu(t)
	made, err := os.ReadFile(filepath.Join(q.dir, "base.vmdk"))
	if err != nil {
		t.Fatal(err)
	}
	hint := descriptorHead + "#parentFileNameHint=\"/etc/shadow\"\n"
	for name, image := range map[string][]byte{
		"comment": with(made, part{512, hint + "\x00"}),
		"place":   with(made, part{512, hint + "\x00"}, part{28, le64(0)}),
		"esx": build(mib, part{0, "COWD" + le32(1) + le32(3) + le32(10240) + le32(1) + le32(4) + le32(1)},
			part{512, hint}),
	} {
		file := filepath.Join(q.dir, name)
		if err := os.WriteFile(file, image, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Probe(bytes.NewReader(image), int64(len(image)))
		if said := q.info(t, file, "vmdk"); err != nil || said.Backing != "/etc/shadow" || got.Backing != "" ||
			!got.ExternalData {
			t.Errorf("%s: got %+v, error %v; qemu opens %q", name, got, err, said.Backing)
		}
	}
}

// sparseOfZeros is a hosted sparse extent whose descriptor determines its size.
func sparseOfZeros() []byte {
	return sparse(
		1, 0, strings.Replace(descriptorHead, "twoGbMaxExtentFlat", "vmfs", 1)+"RW 10240 FLAT \"data.raw\" 0\n",
	)
}

// dynamicOfBlocks is a dynamic disk with three empty blocks of 2 MiB, which qemu requires to accept it.
func dynamicOfBlocks(creator string, size uint64, parts ...part) []byte {
	header := "cxsparse" + be64(1<<64-1) + be64(1536) + be32(0x10000) + be32(3) + be32(2*mib)
	table := strings.Repeat("\xff", 512)
	return with(build(4096, part{512, header}, part{1536, table}),
		part{0, string(dynamicVHD(creator, size, append(parts, part{16, be64(512)})...)[:512])})
}

// qemu runs qemu-img in a directory with the backing files.
type qemu struct {
	tool, dir string
	bases     *strings.Replacer
}

func newQemu(t *testing.T) qemu {
	tool, err := exec.LookPath("qemu-img")
	if err != nil && os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatal("POOLCTL_TEST_ALL is set, but qemu-img is missing: install qemu-utils")
	}
	if err != nil {
		t.Skip(
			"NOT RUN: Probe was NOT compared with qemu-img, which is missing: install qemu-utils",
		)
	}
	q := qemu{tool: tool, dir: t.TempDir()}
	base, over, vmdk := filepath.Join(q.dir, "base.raw"), filepath.Join(q.dir, "over.qcow2"),
		filepath.Join(q.dir, "base.vmdk")
	q.run(t, "create", "-q", "-f", "raw", base, "5M")
	q.run(t, "create", "-q", "-f", "raw", filepath.Join(q.dir, "data.raw"), "5M")
	q.run(t, "create", "-q", "-f", "qcow2", over, "5M")
	q.run(t, "create", "-q", "-f", "vmdk", vmdk, "5M")
	q.bases = strings.NewReplacer("$BASE", base, "$OVER", over, "$VMDK", vmdk)
	return q
}

func (q qemu) run(t *testing.T, args ...string) []byte {
	t.Helper()
	for try := 1; ; try++ {
		var errs strings.Builder
		cmd := exec.CommandContext(t.Context(), q.tool, args...)
		cmd.Dir, cmd.Stderr = q.dir, &errs
		out, err := cmd.Output()
		if err == nil {
			return out
		}
		// qemu times key derivation, and fails if the machine is too fast for the clock that it uses.
		if try == 10 || !strings.Contains(errs.String(), "accurate CPU usage") {
			t.Fatalf("%s: %v\n%s", cmd, err, errs.String())
		}
	}
}

func (q qemu) create(t *testing.T, format, options string) string {
	t.Helper()
	file := filepath.Join(q.dir, strings.ReplaceAll(t.Name(), "/", "_"))
	args := []string{"create", "-q", "--object", "secret,id=s,data=abc", "-f", format}
	var size []string // follows the file
	for _, option := range strings.Fields(q.bases.Replace(options)) {
		if last := len(args) - 1; strings.HasPrefix(option, "-") || strings.HasPrefix(args[last], "-") &&
			args[last] != "-u" {
			args = append(args, option)
		} else {
			size = append(size, option)
		}
	}
	q.run(t, append(append(args, file), size...)...)
	return file
}

// compare probes the file, and compares the result with the output of qemu-img info for the format.
func (q qemu) compare(t *testing.T, file, format string) {
	t.Helper()
	want := q.info(t, file, format)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Probe(f, stat.Size())
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// info converts the output of qemu-img info to an Info.
func (q qemu) info(t *testing.T, file, format string) Info {
	t.Helper()
	var said struct {
		Size          uint64 `json:"virtual-size"`
		Backing       string `json:"backing-filename"`
		BackingFormat string `json:"backing-filename-format"`
		ClusterSize   uint64 `json:"cluster-size"`
		Encrypted     bool
		Specific      struct {
			Data struct {
				Compat     string
				Lazy       bool   `json:"lazy-refcounts"`
				ExtendedL2 bool   `json:"extended-l2"`
				DataFile   string `json:"data-file"`
				Encrypt    struct{ Format string }
				Extents    []struct{ Filename string }
			}
		} `json:"format-specific"`
	}
	if err := json.Unmarshal(q.run(t, "info", "--output=json", "-f", format, file), &said); err != nil {
		t.Fatal(err)
	}
	data := said.Specific.Data
	info := Info{
		Format:        libvirtWord(format),
		Capacity:      said.Size,
		Backing:       said.Backing,
		BackingFormat: libvirtWord(said.BackingFormat),
	}
	switch format {
	case "qcow2":
		info.ClusterSize, info.Compat, info.DataFile = said.ClusterSize, data.Compat, data.DataFile
		info.LazyRefcounts, info.ExtendedL2 = data.Lazy, data.ExtendedL2
		info.ExternalData = data.DataFile != ""
	case "vmdk":
		info.BackingFormat = "" // qemu reports vmdk, the header has no format
		for _, extent := range data.Extents {
			info.ExternalData = info.ExternalData || extent.Filename != file
		}
	}
	switch {
	case format == "luks":
		info.Format, info.Encryption = "raw", "luks" // libvirt's names
	case data.Encrypt.Format == "luks":
		info.Encryption = "luks"
	case said.Encrypted:
		info.Encryption = "qcow"
	}
	return info
}
