package filevol

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// put creates an image with the data outside poolctl, and returns its volume.
func put(t testing.TB, p *pooldef.Pool, name, format string, data []byte) *pooldef.Volume {
	t.Helper()
	write(t, p, name, string(backendtest.Convert(t, "raw", format, data)))
	return find(t, p, name)
}

func find(t testing.TB, p *pooldef.Pool, name string) *pooldef.Volume {
	t.Helper()
	v, err := here.Volume(t.Context(), p, name)
	ok(t, err)
	ok(t, v.Err)
	return v
}

// like defines a volume of the same capacity as source.
func like(source *pooldef.Volume, name, format string) *pooldef.Volume {
	v := rawVolume(name, source.Capacity.Bytes)
	v.Target.Format = format
	return v
}

// qemu runs qemu-img, and fails the test if that fails.
func qemu(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("qemu-img", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("qemu-img %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// qemuFormat returns qemu-img's name of a format.
func qemuFormat(format string) string {
	if format == "iso" {
		return "raw"
	}
	return format
}

// checkIdentical fails the test if a guest would see different data in two images, or if qemu-img finds one
// of them damaged.
func checkIdentical(t testing.TB, one, other *pooldef.Volume) {
	t.Helper()
	for _, v := range []*pooldef.Volume{one, other} {
		if f := v.Target.Format; f == "qcow2" || f == "qed" || f == "vdi" || f == "vmdk" {
			qemu(t, "check", "-q", "-f", f, v.Target.Path)
		}
	}
	if v := find(t, poolIn(filepath.Dir(other.Target.Path)), other.Name); v.Backing != nil {
		t.Errorf("%q has the backing file %+v", v.Name, *v.Backing)
	}
	qemu(t, "compare", "-q", "-f", qemuFormat(one.Target.Format), "-F", qemuFormat(other.Target.Format),
		one.Target.Path, other.Target.Path)
}

var allFormats = []string{"raw", "iso", "qcow2", "vmdk", "vdi", "vpc", "qed", "qcow"}

// TestConversions converts every format to every format. The names of the volumes are ones that qemu-img
// would interpret.
func TestConversions(t *testing.T) {
	backendtest.Long(t, "every conversion between two formats")
	p, data := newPool(t), backendtest.Pattern(2088960, 1) // a size that vpc supports exactly
	for n, from := range allFormats {
		source := put(t, p, []string{"-f", "a,b=c", "nbd:x", "it's", "json:{}"}[n%5]+from, qemuFormat(from),
			data)
		before := backendtest.Tree(t, p.Target.Path)
		for _, to := range allFormats {
			d := like(source, []string{"-o", "a,,b", "fat:x", "'\"", "file.filename=x"}[n%5]+to, to)
			d.Target.Compat = map[string]string{"qcow2": "0.10"}[to]
			if err := here.Clone(t.Context(), p, d, source, backend.CloneOptions{}); err != nil {
				t.Errorf("%s to %s: %v", from, to, err)
				continue
			}
			got := find(t, p, d.Name)
			checkIdentical(t, source, got)
			if qemuFormat(to) != got.Target.Format || got.Capacity.Bytes < source.Capacity.Bytes ||
				*got.Target.Permissions.Mode != 0o600 {
				t.Errorf("%s to %s: %+v", from, to, *got)
			}
			ok(t, here.Delete(t.Context(), p, d.Name))
		}
		if after := backendtest.Tree(t, p.Target.Path); after != before {
			t.Fatalf("from %s: before\n%s\nafter\n%s", from, before, after)
		}
		ok(t, here.Delete(t.Context(), p, source.Name))
	}
}

// TestCloneOptions clones a qcow2 image with every option. If the source already has the wanted options, the
// clone must be a copy of the file.
func TestCloneOptions(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(8<<20, 1)
	source := put(t, p, "source", "qcow2", data)
	type change func(v *pooldef.Volume)
	for _, test := range []struct {
		name, preallocation string
		change              change
		isCopy              bool
		check               func(i imageInfo) bool
	}{
		{"same", "", func(*pooldef.Volume) {}, true, func(i imageInfo) bool { return i.ClusterSize == 65536 }},
		{"off", "off", func(*pooldef.Volume) {}, true, func(i imageInfo) bool { return i.Actual < 8<<20 }},
		{"asked for", "", func(v *pooldef.Volume) { v.Target.Compat, v.Target.ClusterSize = "1.1", 65536 }, true,
			func(i imageInfo) bool { return i.ClusterSize == 65536 }},
		{"old", "", func(v *pooldef.Volume) { v.Target.Compat = "0.10" }, false,
			func(i imageInfo) bool { return i.Specific.Data.Compat == "0.10" }},
		{"clusters", "", func(v *pooldef.Volume) { v.Target.ClusterSize = 4096 }, false,
			func(i imageInfo) bool { return i.ClusterSize == 4096 }},
		{"lazy", "", func(v *pooldef.Volume) { v.Target.Features, v.Target.LazyRefcounts = true, true }, false,
			func(i imageInfo) bool { return i.Specific.Data.LazyRefcounts }},
		{"l2", "", func(v *pooldef.Volume) { v.Target.Features, v.Target.ExtendedL2 = true, true }, false,
			func(i imageInfo) bool { return i.Specific.Data.ExtendedL2 }},
		{"larger", "", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(20 << 20) }, false,
			func(i imageInfo) bool { return i.Size == 20<<20 && i.Actual < 9<<20 }},
		{"unaligned", "", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(8<<20 + 1) }, false,
			func(i imageInfo) bool { return i.Size == 8<<20+512 }},
		{"metadata", "metadata", func(*pooldef.Volume) {}, false,
			func(i imageInfo) bool { return i.Actual < 9<<20 }},
		{"falloc", "falloc", func(*pooldef.Volume) {}, false, func(i imageInfo) bool { return i.Actual >= 8<<20 }},
		{"full", "full", func(*pooldef.Volume) {}, false, func(i imageInfo) bool { return i.Actual >= 8<<20 }},
		{"larger, full", "full", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(20 << 20) }, false,
			func(i imageInfo) bool { return i.Size == 20<<20 && i.Actual >= 20<<20 }},
		{"larger, falloc", "falloc", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(20 << 20) }, false,
			func(i imageInfo) bool { return i.Size == 20<<20 && i.Actual >= 20<<20 }},
	} {
		d := like(source, test.name, "qcow2")
		test.change(d)
		o := backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: test.preallocation}}
		if err := here.Clone(t.Context(), p, d, source, o); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := find(t, p, test.name)
		checkIdentical(t, source, got)
		if i := info(t, got.Target.Path); !test.check(i) {
			t.Errorf("%s: qemu-img info: %+v", test.name, i)
		}
		a, err := os.ReadFile(source.Target.Path)
		ok(t, err)
		b, err := os.ReadFile(got.Target.Path)
		ok(t, err)
		if bytes.Equal(a, b) != test.isCopy {
			t.Errorf("%s: the clone is a copy of the file: got %v", test.name, !test.isCopy)
		}
	}
}

// TestCloneAllocation clones into raw files with and without allocation. Holes must stay holes, unless space
// is to be allocated.
func TestCloneAllocation(t *testing.T) {
	p, data := newPool(t), make([]byte, 8<<20)
	copy(data[1<<20:], backendtest.Pattern(1<<20, 1)[:256<<10])
	copy(data[7<<20:], data[1<<20:2<<20])
	raw := createSparse(t, p, data)
	qcow2 := put(t, p, "qcow2", "qcow2", data)
	for _, source := range []*pooldef.Volume{raw, qcow2} {
		for _, test := range []struct {
			allocation    pooldef.Size
			preallocation string
			size          uint64
			room          [2]uint64 // allocated bytes: at least, at most
		}{
			{pooldef.Bytes(0), "", 8 << 20, [2]uint64{512 << 10, 1 << 20}},
			{pooldef.Size{}, "", 8 << 20, [2]uint64{8 << 20, 8 << 20}},
			{pooldef.Size{}, "off", 8 << 20, [2]uint64{512 << 10, 1 << 20}},
			{pooldef.Bytes(0), "falloc", 8 << 20, [2]uint64{8 << 20, 8 << 20}},
			{pooldef.Bytes(0), "full", 8 << 20, [2]uint64{8 << 20, 8 << 20}},
			{pooldef.Bytes(99 << 20), "", 8 << 20, [2]uint64{8 << 20, 8 << 20}},
			{pooldef.Bytes(0), "", 12 << 20, [2]uint64{512 << 10, 1 << 20}},
			{pooldef.Size{}, "", 12 << 20, [2]uint64{12 << 20, 12 << 20}},
			{pooldef.Bytes(0), "falloc", 12 << 20, [2]uint64{12 << 20, 12 << 20}},
			{pooldef.Bytes(0), "full", 12 << 20, [2]uint64{12 << 20, 12 << 20}},
		} {
			d := rawVolume("v", test.size)
			d.Allocation = test.allocation
			ok(t, here.Clone(t.Context(), p, d, source,
				backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: test.preallocation}}))
			var st unix.Stat_t
			ok(t, unix.Stat(p.Target.Path+"/v", &st))
			// The file system also counts its own block lists.
			if room := uint64(st.Blocks) * 512; uint64(st.Size) != test.size ||
				room < test.room[0] || room > test.room[1]+65536 {
				t.Errorf("%s, %+v: got %d bytes, %d allocated", source.Name, test, st.Size, room)
			}
			got, err := os.ReadFile(p.Target.Path + "/v")
			ok(t, err)
			if !bytes.Equal(got[:len(data)], data) || len(bytes.Trim(got[len(data):], "\x00")) > 0 {
				t.Errorf("%s, %+v: got other data", source.Name, test)
			}
			ok(t, here.Delete(t.Context(), p, "v"))
		}
	}
}

// createSparse creates a raw volume with the data, and with holes where the data are zeros.
func createSparse(t *testing.T, p *pooldef.Pool, data []byte) *pooldef.Volume {
	t.Helper()
	create(t, p, rawVolume("raw", uint64(len(data))), "")
	f, err := os.CreateTemp(t.TempDir(), "")
	ok(t, err)
	defer f.Close()
	_, err = f.Write(data)
	ok(t, err)
	_, err = f.Seek(0, 0)
	ok(t, err)
	ok(t, here.Upload(t.Context(), p, "raw", f, backend.Transfer{Sparse: true}))
	backendtest.Change(t, host.Cmd("fallocate", "--dig-holes", p.Target.Path+"/raw"))
	return find(t, p, "raw")
}

// TestCloneOverlay clones overlays and an image with snapshots. The clones must not depend on other images.
func TestCloneOverlay(t *testing.T) {
	p, other := newPool(t), newPool(t)
	base := put(t, other, "base", "raw", backendtest.Pattern(4<<20, 1))
	for _, overlay := range []struct {
		name, backing, format string
		size                  uint64
	}{{"middle,x", base.Target.Path, "raw", 6 << 20}, {"top", "middle,x", "qcow2", 8 << 20}} {
		d := rawVolume(overlay.name, overlay.size)
		d.Target.Format, d.Backing = "qcow2", &pooldef.VolumeTarget{Path: overlay.backing,
			Format: overlay.format}
		create(t, p, d, "")
	}
	backendtest.Change(t, host.Cmd("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 100k", "-c",
		"write -z 2M 64k", "-c", "write -P 9 7M 64k", p.Target.Path+"/top"))
	snapshotted := put(t, p, "snapshotted", "qcow2", backendtest.Pattern(1<<20, 3))
	qemu(t, "snapshot", "-c", "one", snapshotted.Target.Path)
	backendtest.Change(t, host.Cmd("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 100k",
		snapshotted.Target.Path))
	before := backendtest.Tree(t, other.Target.Path)
	for _, name := range []string{"top", "snapshotted"} {
		source := find(t, p, name)
		for _, format := range []string{"raw", "qcow2", "vmdk"} {
			for _, o := range []backend.CloneOptions{{MayRead: anything}, {InUse: true, MayRead: anything}} {
				ok(t, here.Clone(t.Context(), p, like(source, "v", format), source, o))
				checkIdentical(t, source, find(t, p, "v"))
				ok(t, here.Delete(t.Context(), p, "v"))
			}
		}
	}
	if after := backendtest.Tree(t, other.Target.Path); after != before {
		t.Errorf("backing files before\n%s\nafter\n%s", before, after)
	}
}

// TestCloneRefused requests impossible clones. Nothing may be left behind.
func TestCloneRefused(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	raw, qcow2 := put(t, p, "raw", "raw", data), put(t, p, "qcow2", "qcow2", data)
	dir := p.Target.Path
	qemu(t, "create", "-q", "-f", "qcow2", "-o", "data_file="+dir+"/data,data_file_raw=on", dir+"/external",
		"1M")
	qemu(t, "create", "-q", "-f", "vmdk", "-o", "subformat=monolithicFlat", dir+"/flat.vmdk", "1M")
	changed := func(v *pooldef.Volume, change func(*pooldef.Volume)) *pooldef.Volume {
		c := *v
		change(&c)
		return &c
	}
	with := func(preallocation string) backend.CloneOptions {
		return backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: preallocation}}
	}
	nothing := func(*pooldef.Volume) {}
	for n, test := range []struct {
		source *pooldef.Volume
		format string
		change func(*pooldef.Volume)
		o      backend.CloneOptions
		want   string
	}{
		{find(t, p, "external"), "qcow2", nothing, backend.CloneOptions{}, "keeps its data in other files"},
		{find(t, p, "external"), "raw", nothing, backend.CloneOptions{}, "keeps its data in other files"},
		{find(t, p, "flat.vmdk"), "raw", nothing, backend.CloneOptions{}, "keeps its data in other files"},
		{find(t, p, "flat.vmdk"), "vmdk", nothing, backend.CloneOptions{}, "keeps its data in other files"},
		{raw, "qcow2", nothing, backend.CloneOptions{Reflink: true}, "reflink"},
		{qcow2, "qcow2", nothing, backend.CloneOptions{Reflink: true, InUse: true}, "reflink"},
		{raw, "raw", func(v *pooldef.Volume) { v.Target.Compat = "1.1" }, backend.CloneOptions{},
			"only qcow2 has a compatibility level"},
		{qcow2, "raw", func(v *pooldef.Volume) { v.Target.Compat = "1.1" }, backend.CloneOptions{},
			"only qcow2 has a compatibility level"},
		{raw, "raw", nothing, with("metadata"), "no metadata to preallocate"},
		{qcow2, "raw", nothing, with("metadata"), "only qcow2 has metadata"},
		{qcow2, "vmdk", nothing, with("full"), "cannot preallocate vmdk"},
		{qcow2, "dir", nothing, backend.CloneOptions{}, "a directory cannot be created from a volume"},
		{qcow2, "ploop", nothing, backend.CloneOptions{}, "creating ploop volumes"},
		{qcow2, "qcow2", func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: raw.Target.Path} },
			backend.CloneOptions{}, "no backing store"},
		{qcow2, "qcow2", func(v *pooldef.Volume) { v.Target.Compat, v.Target.LazyRefcounts = "0.10", true },
			backend.CloneOptions{}, "needs compat 1.1"},
		{changed(raw, func(v *pooldef.Volume) { v.Target.Path += "x" }), "raw", nothing, backend.CloneOptions{},
			"no such file"},
		{changed(qcow2, func(v *pooldef.Volume) { v.Target.Path += "x" }), "raw", nothing, backend.CloneOptions{},
			"no such file"},
		{changed(raw, func(v *pooldef.Volume) { v.Target.Format = "qcow2" }), "raw", nothing,
			backend.CloneOptions{}, "changed meanwhile"},
		{changed(raw, func(v *pooldef.Volume) { v.Type = "netdir" }), "raw", nothing, backend.CloneOptions{},
			"netdir"},
	} {
		before := backendtest.Tree(t, dir)
		d := like(test.source, "v", test.format)
		test.change(d)
		if err := here.Clone(t.Context(), p, d, test.source, test.o); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%d: error %v, want %s", n, err, test.want)
		}
		if after := backendtest.Tree(t, dir); after != before {
			t.Fatalf("%d: before\n%s\nafter\n%s", n, before, after)
		}
		if stages, _ := filepath.Glob(dir + "/.poolctl-*"); len(stages) > 0 {
			t.Errorf("%d: left behind: %q", n, stages)
		}
	}
}
