package filevol

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// imageInfo is the output of qemu-img info.
type imageInfo struct {
	Format        string
	Size          uint64 `json:"virtual-size"`
	Actual        uint64 `json:"actual-size"`
	ClusterSize   uint64 `json:"cluster-size"`
	Backing       string `json:"backing-filename"`
	BackingFormat string `json:"backing-filename-format"`
	Specific      struct {
		Data struct {
			Compat        string
			LazyRefcounts bool `json:"lazy-refcounts"`
			ExtendedL2    bool `json:"extended-l2"`
		}
	} `json:"format-specific"`
}

// info runs qemu-img info, and qemu-img check for qcow2.
func info(t *testing.T, path string) imageInfo {
	t.Helper()
	if _, err := exec.LookPath("qemu-img"); err != nil {
		backendtest.NotRun(t, "images: install qemu-utils")
	}
	out, err := exec.Command("qemu-img", "info", "--output=json", path).Output()
	ok(t, err)
	var i imageInfo
	ok(t, json.Unmarshal(out, &i))
	if i.Format == "qcow2" {
		if out, err := exec.Command("qemu-img", "check", "-q", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
	return i
}

// images are definitions, as changes to a qcow2 volume of 8 MiB, and checks of the resulting images.
var images = []struct {
	name, preallocation string
	change              func(v *pooldef.Volume)
	check               func(i imageInfo) bool
}{
	{"plain", "", func(*pooldef.Volume) {}, func(i imageInfo) bool {
		return i.Specific.Data.Compat == "1.1" && i.ClusterSize == 65536 && i.Actual < 1<<20 &&
			i.Backing == ""
	}},
	{"old", "", func(v *pooldef.Volume) { v.Target.Compat = "0.10" },
		func(i imageInfo) bool { return i.Specific.Data.Compat == "0.10" }},
	{"new", "", func(v *pooldef.Volume) { v.Target.Compat = "1.1" },
		func(i imageInfo) bool { return i.Specific.Data.Compat == "1.1" }},
	{"clusters", "", func(v *pooldef.Volume) { v.Target.ClusterSize = 2 << 20 },
		func(i imageInfo) bool { return i.ClusterSize == 2<<20 }},
	{"lazy", "", func(v *pooldef.Volume) { v.Target.LazyRefcounts = true },
		func(i imageInfo) bool { return i.Specific.Data.LazyRefcounts }},
	{"l2", "", func(v *pooldef.Volume) { v.Target.ExtendedL2 = true },
		func(i imageInfo) bool { return i.Specific.Data.ExtendedL2 }},
	{"off", "off", func(*pooldef.Volume) {}, func(i imageInfo) bool { return i.Actual < 1<<20 }},
	{"metadata", "metadata", func(*pooldef.Volume) {}, func(i imageInfo) bool { return i.Actual < 1<<20 }},
	{"falloc", "falloc", func(*pooldef.Volume) {}, func(i imageInfo) bool { return i.Actual >= 8<<20 }},
	{"full", "full", func(*pooldef.Volume) {}, func(i imageInfo) bool { return i.Actual >= 8<<20 }},
	{"everything", "metadata", func(v *pooldef.Volume) {
		v.Target.Compat, v.Target.ClusterSize, v.Target.LazyRefcounts, v.Target.ExtendedL2 = "1.1", 32768,
			true, true
	}, func(i imageInfo) bool {
		return i.ClusterSize == 32768 && i.Specific.Data.LazyRefcounts && i.Specific.Data.ExtendedL2
	}},
	{"a,b=c", "", func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: "base,x", Format: "raw"} },
		func(i imageInfo) bool {
			return i.Backing == "base,x" && i.BackingFormat == "raw"
		}},
	{"nbd:x", "", func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: "json:{}"} },
		func(i imageInfo) bool {
			return i.Backing == "./json:{}" && i.BackingFormat == "raw"
		}},
	{"-o", "", func(v *pooldef.Volume) {
		v.Backing, v.Target.ExtendedL2 = &pooldef.VolumeTarget{Path: "-base", Format: "qcow2"}, true
	}, func(i imageInfo) bool { return i.Backing == "-base" && i.BackingFormat == "qcow2" }},
}

// TestImages creates qcow2 images with every option, and compares the output of qemu-img with Volume.
func TestImages(t *testing.T) {
	p := newPool(t)
	for _, name := range []string{"base,x", "json:{}"} {
		write(t, p, name, strings.Repeat("x", 1<<20))
	}
	base := rawVolume("-base", 4<<20)
	base.Target.Format = "qcow2"
	create(t, p, base, "")
	for _, test := range images {
		t.Run(test.name, func(t *testing.T) {
			v := rawVolume(test.name, 8<<20)
			v.Target.Format = "qcow2"
			test.change(v)
			create(t, p, v, test.preallocation)
			i := info(t, p.Target.Path+"/"+test.name)
			if i.Format != "qcow2" || i.Size != 8<<20 || !test.check(i) {
				t.Errorf("qemu-img info: %+v", i)
			}
			found, err := here.Volume(t.Context(), p, test.name)
			ok(t, err)
			got, d := found.Target, i.Specific.Data
			if got.Format != "qcow2" || found.Capacity.Bytes != i.Size || got.ClusterSize != i.ClusterSize ||
				got.LazyRefcounts != d.LazyRefcounts || got.ExtendedL2 != d.ExtendedL2 ||
				*got.Permissions.Mode != 0o600 {
				t.Errorf("qemu-img info: %+v, Volume: %+v", i, *found)
			}
		})
	}
}

// TestOtherFormats creates an image of each other format.
func TestOtherFormats(t *testing.T) {
	p := newPool(t)
	for format, qemu := range map[string]string{"iso": "raw", "vpc": "vpc", "vdi": "vdi", "qcow": "qcow",
		"qcow2": "qcow2", "qed": "qed", "vmdk": "vmdk"} {
		v := rawVolume(format, 8<<20)
		v.Target.Format = format
		create(t, p, v, "")
		if i := info(t, p.Target.Path+"/"+format); i.Format != qemu || i.Size < 8<<20 {
			t.Errorf("%s: qemu-img info: %+v", format, i)
		}
	}
}

// TestOverlay creates overlays whose capacity is that of their backing file.
func TestOverlay(t *testing.T) {
	p, other := newPool(t), newPool(t)
	create(t, other, rawVolume("raw", 3<<20), "")
	base := rawVolume("qcow2", 5<<20)
	base.Target.Format = "qcow2"
	create(t, other, base, "")
	ok(t, os.Symlink(other.Target.Path+"/qcow2", p.Target.Path+"/link"))
	raw, qcow2 := other.Target.Path+"/raw", other.Target.Path+"/qcow2"
	header, err := os.Stat(qcow2)
	ok(t, err)
	for name, test := range map[string]struct {
		path, format string
		size         uint64
		found        string // the recorded format
	}{
		"guessed": {raw, "", 3 << 20, "raw"}, "given": {raw, "raw", 3 << 20, "raw"},
		"iso":   {raw, "iso", 3 << 20, "raw"},
		"qcow2": {qcow2, "qcow2", 5 << 20, "qcow2"}, "by link": {"link", "qcow2", 5 << 20, "qcow2"},
		"raw in spite of its looks": {qcow2, "raw", uint64(header.Size()+511) / 512 * 512, "raw"},
	} {
		v := &pooldef.Volume{Name: name, Target: pooldef.VolumeTarget{Format: "qcow2"},
			Backing: &pooldef.VolumeTarget{Path: test.path, Format: test.format}}
		create(t, p, v, "")
		i := info(t, p.Target.Path+"/"+name)
		if i.Size != test.size || i.BackingFormat != test.found || i.Backing != test.path {
			t.Errorf("%s: qemu-img info: %+v", name, i)
		}
	}
}

// TestBackingRefused creates overlays with backing files that are impossible or forbidden.
func TestBackingRefused(t *testing.T) {
	p := newPool(t)
	dir := p.Target.Path
	write(t, p, "raw", "xxx")
	write(t, p, "evil", "QFI\xfb\x00\x00\x00\x03"+strings.Repeat("\x00", 504))
	ok(t, os.Mkdir(dir+"/dir", 0o755))
	ok(t, unix.Mkfifo(dir+"/fifo", 0o600))
	ok(t, os.Symlink("loop", dir+"/loop"))
	before := backendtest.Tree(t, dir)
	for _, test := range []struct{ path, format, want string }{
		{"none", "raw", "no such file or directory"}, {dir + "/none", "", "no such file or directory"},
		{"", "", "it is not a file or a block device"},
		{"dir", "raw", "it is not a file or a block device"}, {"fifo", "raw", "it is not a file or a block device"},
		{"loop", "raw", "too many levels"},
		{"/dev/null", "raw", "it is not a file or a block device"},
		{"nbd://host/x", "raw", "no such file or directory"},
		{`json:{"driver":"file","filename":"/etc/passwd"}`, "raw", "no such file or directory"},
		{"evil", "", "looks like qcow2: give its format"},
		{"raw", "qcow2", "is not a qcow2 image: it looks like raw"},
		{"evil", "vmdk", "is not a vmdk image: it looks like qcow2"},
	} {
		v := rawVolume("v", 1<<20)
		v.Target.Format, v.Backing = "qcow2", &pooldef.VolumeTarget{Path: test.path, Format: test.format}
		err := here.Create(t.Context(), p, v, backend.CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q as %q: error %v, want %s", test.path, test.format, err, test.want)
		}
		if after := backendtest.Tree(t, dir); after != before {
			t.Fatalf("before\n%s\nafter\n%s", before, after)
		}
	}
}

// TestWithoutQemu hides qemu-img.
func TestWithoutQemu(t *testing.T) {
	path, err := exec.LookPath("qemu-img")
	if err != nil || os.Geteuid() != 0 {
		backendtest.NotRun(t, "a missing qemu-img: it needs root, and qemu-img to hide")
	}
	backendtest.Change(t, host.Cmd("mount", "--bind", "/dev/null", path))
	defer backendtest.Change(t, host.Cmd("umount", path))
	p := newPool(t)
	v := rawVolume("v", 1<<20)
	v.Target.Format = "qcow2"
	missing := (*host.ToolError)(nil)
	if err := here.Create(t.Context(), p, v, backend.CreateOptions{}); !errors.As(err, &missing) ||
		missing.Package() != "qemu-utils" {
		t.Errorf("got error %v", err)
	}
	if entries, _ := os.ReadDir(p.Target.Path); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	create(t, p, rawVolume("v", 1<<20), "")
}
