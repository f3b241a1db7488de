package filevol

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host/safeopen"
)

var errUnknown = errors.New("it is not known")

func nothingKnown(string, *safeopen.Handle) error { return errUnknown }

// TestResizeOverlay grows overlays. The data of a backing file must not appear in the added space, and a
// backing file is opened only if it is longer than the overlay.
func TestResizeOverlay(t *testing.T) {
	p := newPool(t)
	long := put(t, p, "long", "raw", backendtest.Pattern(2<<20, 1))
	short := put(t, p, "short", "qcow2", backendtest.Pattern(1<<20, 1))
	for name, args := range map[string][]string{
		"on short": {"-b", short.Target.Path, "-F", "qcow2"}, "on long": {"-b", long.Target.Path, "-F", "raw"},
		"alone":     nil,
		"on none":   {"-u", "-b", p.Target.Path + "/none", "-F", "raw"},
		"on nbd":    {"-u", "-b", "nbd://127.0.0.1:1/x", "-F", "raw"},
		"on a fifo": {"-u", "-b", p.Target.Path + "/fifo", "-F", "raw"},
		"on memory": {"-u", "-b", "/proc/kmsg", "-F", "raw"},
	} {
		qemu(t, append(append([]string{"create", "-q", "-f", "qcow2"}, args...), p.Target.Path+"/"+name,
			"1M")...)
	}
	ok(t, unix.Mkfifo(p.Target.Path+"/fifo", 0o600))
	grow := func(name string, known backend.MayRead) error {
		return here.Resize(t.Context(), p, name, 3<<20, backend.ResizeOptions{MayRead: known})
	}
	for _, name := range []string{"on short", "alone"} {
		ok(t, grow(name, nothingKnown))
	}
	before := backendtest.Tree(t, p.Target.Path)
	if err := grow("on long", nothingKnown); !errors.Is(err, errUnknown) {
		t.Errorf("longer backing file not permitted: got error %v", err)
	}
	for name, want := range map[string]string{"on none": "no such file",
		"on nbd": "is not a file of this machine", "on a fifo": "is not a file", "on memory": "stored"} {
		if err := grow(name, anything); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if after := backendtest.Tree(t, p.Target.Path); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	ok(t, grow("on long", anything))
	qemu(t, "convert", "-O", "raw", p.Target.Path+"/on long", p.Target.Path+"/out")
	data, err := os.ReadFile(p.Target.Path + "/out")
	ok(t, err)
	if !bytes.Equal(data[:1<<20], backendtest.Pattern(2<<20, 1)[:1<<20]) ||
		len(bytes.Trim(data[1<<20:], "\x00")) > 0 {
		t.Error("the added space does not read as zeros")
	}
}

// TestCloneHostile clones images that would make qemu-img, or poolctl, read files that do not belong to a
// guest.
func TestCloneHostile(t *testing.T) {
	p, outside := newPool(t), t.TempDir()
	write(t, poolIn(outside), "secret", "a secret"+strings.Repeat("\x00", 1<<20))
	write(t, p, "raw", strings.Repeat("\x00", 1<<20))
	write(t, p, "descriptor",
		"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\n"+
			"RW 2048 FLAT \""+outside+"/secret\" 0\n\nddb.adapterType = \"ide\"\n")
	qemu(t, "create", "-q", "-f", "qcow2", "-o", "data_file="+p.Target.Path+"/data",
		p.Target.Path+"/external", "1M")
	qemu(t, "create", "-q", "-f", "qcow2", p.Target.Path+"/plain", "1M")
	ok(t, os.Symlink(outside+"/secret", p.Target.Path+"/link"))
	if os.Geteuid() == 0 {
		ok(t, os.Lchown(p.Target.Path+"/link", 4711, 4711))
	}
	overlays := map[string][]string{
		"external below": {"external", "qcow2"}, "descriptor below": {"descriptor", "vmdk"},
		"another format": {"raw", "qcow2"},
		"keys":           {`json:{"driver":"raw","offset":0,"size":512,"file":{"driver":"file","filename":"` + outside + `/secret"}}`, "raw"},
		"inner":          {`json:{"driver":"qcow2","file":{"driver":"file","filename":"` + p.Target.Path + `/plain"},"backing":{"driver":"file","filename":"` + outside + `/secret"}}`, "qcow2"},
		"nbd":            {"nbd://127.0.0.1:1/x", "raw"},
		"options":        {"rbd:pool/image:conf=" + outside + "/secret", "raw"},
		"loop":           {"loop", "qcow2"},
		"directory":      {"fat:" + outside, "raw"}, "memory": {"/proc/kmsg", "raw"},
	}
	if os.Geteuid() == 0 {
		overlays["their link"] = []string{"link", "raw"}
	}
	for name, below := range overlays {
		qemu(t, "create", "-q", "-u", "-f", "qcow2", "-b", below[0], "-F", below[1], p.Target.Path+"/"+name,
			"1M")
	}
	write(t, p, "unrecorded", overlay("raw"))
	overlays["unrecorded"] = nil
	for name := range overlays {
		source := find(t, p, name)
		err := here.Clone(t.Context(), p, like(source, "v", "raw"), source,
			backend.CloneOptions{MayRead: anything})
		if err == nil {
			t.Errorf("%s: Clone succeeded", name)
		}
		if _, err := os.Lstat(filepath.Join(p.Target.Path, "v")); err == nil {
			t.Errorf("%s: the clone exists", name)
		}
	}
	qemu(t, "create", "-q", "-u", "-f", "qcow2", "-b", outside+"/secret", "-F", "raw",
		p.Target.Path+"/unknown", "1M")
	source := find(t, p, "unknown")
	if err := here.Clone(t.Context(), p, like(source, "v", "raw"), source,
		backend.CloneOptions{MayRead: nothingKnown}); !errors.Is(err, errUnknown) {
		t.Errorf("backing file not permitted: got error %v", err)
	}
}
