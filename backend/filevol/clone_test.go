package filevol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// put makes an image of data, as somebody else would, and returns the volume that it is.
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

// like defines a volume as large as another.
func like(source *pooldef.Volume, name, format string) *pooldef.Volume {
	v := rawVolume(name, source.Capacity.Bytes)
	v.Target.Format = format
	return v
}

// qemu runs qemu-img, which has to work.
func qemu(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("qemu-img", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("qemu-img %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// word is qemu-img's word for a format.
func word(format string) string {
	if format == "iso" {
		return "raw"
	}
	return format
}

// identical fails the test if a guest sees other data in one image than in another, or if qemu-img finds one damaged.
func identical(t testing.TB, one, other *pooldef.Volume) {
	t.Helper()
	for _, v := range []*pooldef.Volume{one, other} {
		if f := v.Target.Format; f == "qcow2" || f == "qed" || f == "vdi" || f == "vmdk" {
			qemu(t, "check", "-q", "-f", f, v.Target.Path)
		}
	}
	if v := find(t, poolIn(filepath.Dir(other.Target.Path)), other.Name); v.Backing != nil {
		t.Errorf("%q is based on %+v", v.Name, *v.Backing)
	}
	qemu(t, "compare", "-q", "-f", word(one.Target.Format), "-F", word(other.Target.Format), one.Target.Path, other.Target.Path)
}

var allFormats = []string{"raw", "iso", "qcow2", "vmdk", "vdi", "vpc", "qed", "qcow"}

// TestConversions makes volumes of every format of volumes of every format. Their names are such as qemu-img takes for something else.
func TestConversions(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(2088960, 1) // what a vpc image can have exactly
	for n, from := range allFormats {
		source := put(t, p, []string{"-f", "a,b=c", "nbd:x", "it's", "json:{}"}[n%5]+from, word(from), data)
		before := backendtest.Tree(t, p.Target.Path)
		for _, to := range allFormats {
			d := like(source, []string{"-o", "a,,b", "fat:x", "'\"", "file.filename=x"}[n%5]+to, to)
			d.Target.Compat = map[string]string{"qcow2": "0.10"}[to]
			if err := here.Clone(t.Context(), p, d, source, backend.CloneOptions{}); err != nil {
				t.Errorf("%s to %s: %v", from, to, err)
				continue
			}
			got := find(t, p, d.Name)
			identical(t, source, got)
			if word(to) != got.Target.Format || got.Capacity.Bytes < source.Capacity.Bytes || *got.Target.Permissions.Mode != 0o600 {
				t.Errorf("%s to %s: %+v", from, to, *got)
			}
			ok(t, here.Delete(t.Context(), p, d.Name))
		}
		if after := backendtest.Tree(t, p.Target.Path); after != before {
			t.Fatalf("of %s: there was\n%s\nthere is\n%s", from, before, after)
		}
		ok(t, here.Delete(t.Context(), p, source.Name))
	}
}

// TestCloneOptions clones a qcow2 image with all that can be asked for: by a copy of the file, where that has it already.
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
		{"asked for", "", func(v *pooldef.Volume) { v.Target.Compat, v.Target.ClusterSize = "1.1", 65536 }, true, func(i imageInfo) bool { return i.ClusterSize == 65536 }},
		{"old", "", func(v *pooldef.Volume) { v.Target.Compat = "0.10" }, false, func(i imageInfo) bool { return i.Specific.Data.Compat == "0.10" }},
		{"clusters", "", func(v *pooldef.Volume) { v.Target.ClusterSize = 4096 }, false, func(i imageInfo) bool { return i.ClusterSize == 4096 }},
		{"lazy", "", func(v *pooldef.Volume) { v.Target.Features, v.Target.LazyRefcounts = true, true }, false, func(i imageInfo) bool { return i.Specific.Data.LazyRefcounts }},
		{"l2", "", func(v *pooldef.Volume) { v.Target.Features, v.Target.ExtendedL2 = true, true }, false, func(i imageInfo) bool { return i.Specific.Data.ExtendedL2 }},
		{"larger", "", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(20 << 20) }, false, func(i imageInfo) bool { return i.Size == 20<<20 && i.Actual < 9<<20 }},
		{"unaligned", "", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(8<<20 + 1) }, false, func(i imageInfo) bool { return i.Size == 8<<20+512 }},
		{"metadata", "metadata", func(*pooldef.Volume) {}, false, func(i imageInfo) bool { return i.Actual < 9<<20 }},
		{"falloc", "falloc", func(*pooldef.Volume) {}, false, func(i imageInfo) bool { return i.Actual >= 8<<20 }},
		{"full", "full", func(*pooldef.Volume) {}, false, func(i imageInfo) bool { return i.Actual >= 8<<20 }},
		{"larger, full", "full", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(20 << 20) }, false, func(i imageInfo) bool { return i.Size == 20<<20 && i.Actual >= 20<<20 }},
		{"larger, falloc", "falloc", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(20 << 20) }, false, func(i imageInfo) bool { return i.Size == 20<<20 && i.Actual >= 20<<20 }},
	} {
		d := like(source, test.name, "qcow2")
		test.change(d)
		o := backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: test.preallocation}}
		if err := here.Clone(t.Context(), p, d, source, o); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := find(t, p, test.name)
		identical(t, source, got)
		if i := info(t, got.Target.Path); !test.check(i) {
			t.Errorf("%s: qemu-img says %+v", test.name, i)
		}
		a, err := os.ReadFile(source.Target.Path)
		ok(t, err)
		b, err := os.ReadFile(got.Target.Path)
		ok(t, err)
		if bytes.Equal(a, b) != test.isCopy {
			t.Errorf("%s: that it is a copy of the file is %v", test.name, !test.isCopy)
		}
	}
}

// TestCloneRoom clones into raw files with and without room. Holes stay holes, unless there is to be room.
func TestCloneRoom(t *testing.T) {
	p, data := newPool(t), make([]byte, 8<<20)
	copy(data[1<<20:], backendtest.Pattern(1<<20, 1)[:256<<10])
	copy(data[7<<20:], data[1<<20:2<<20])
	raw := create1(t, p, data)
	qcow2 := put(t, p, "qcow2", "qcow2", data)
	for _, source := range []*pooldef.Volume{raw, qcow2} {
		for _, test := range []struct {
			allocation    pooldef.Size
			preallocation string
			size          uint64
			room          [2]uint64 // at least, at most
		}{
			{pooldef.Bytes(0), "", 8 << 20, [2]uint64{512 << 10, 1 << 20}}, {pooldef.Size{}, "", 8 << 20, [2]uint64{8 << 20, 8 << 20}},
			{pooldef.Size{}, "off", 8 << 20, [2]uint64{512 << 10, 1 << 20}}, {pooldef.Bytes(0), "falloc", 8 << 20, [2]uint64{8 << 20, 8 << 20}},
			{pooldef.Bytes(0), "full", 8 << 20, [2]uint64{8 << 20, 8 << 20}}, {pooldef.Bytes(99 << 20), "", 8 << 20, [2]uint64{8 << 20, 8 << 20}},
			{pooldef.Bytes(0), "", 12 << 20, [2]uint64{512 << 10, 1 << 20}}, {pooldef.Size{}, "", 12 << 20, [2]uint64{12 << 20, 12 << 20}},
			{pooldef.Bytes(0), "falloc", 12 << 20, [2]uint64{12 << 20, 12 << 20}}, {pooldef.Bytes(0), "full", 12 << 20, [2]uint64{12 << 20, 12 << 20}},
		} {
			d := rawVolume("v", test.size)
			d.Allocation = test.allocation
			ok(t, here.Clone(t.Context(), p, d, source, backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: test.preallocation}}))
			var st unix.Stat_t
			ok(t, unix.Stat(p.Target.Path+"/v", &st))
			if room := uint64(st.Blocks) * 512; uint64(st.Size) != test.size || room < test.room[0] || room > test.room[1]+65536 { // a file system counts what it needs to find the blocks, too
				t.Errorf("%s, %+v: %d bytes, room for %d", source.Name, test, st.Size, room)
			}
			got, err := os.ReadFile(p.Target.Path + "/v")
			ok(t, err)
			if !bytes.Equal(got[:len(data)], data) || len(bytes.Trim(got[len(data):], "\x00")) > 0 {
				t.Errorf("%s, %+v: other data", source.Name, test)
			}
			ok(t, here.Delete(t.Context(), p, "v"))
		}
	}
}

// create1 makes a raw volume with holes of data.
func create1(t *testing.T, p *pooldef.Pool, data []byte) *pooldef.Volume {
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

// TestCloneOverlay clones an image with images below it, also one with snapshots: the clones stand by themselves.
func TestCloneOverlay(t *testing.T) {
	p, other := newPool(t), newPool(t)
	base := put(t, other, "base", "raw", backendtest.Pattern(4<<20, 1))
	for name, backing := range map[string]string{"middle,x": base.Target.Path, "top": p.Target.Path + "/middle,x"} {
		format := map[string]string{"top": "qcow2", "middle,x": "raw"}[name]
		d := rawVolume(name, 6<<20)
		d.Target.Format, d.Backing = "qcow2", &pooldef.VolumeTarget{Path: backing, Format: format}
		if name == "top" {
			continue
		}
		create(t, p, d, "")
	}
	d := rawVolume("top", 8<<20)
	d.Target.Format, d.Backing = "qcow2", &pooldef.VolumeTarget{Path: "middle,x", Format: "qcow2"}
	create(t, p, d, "")
	backendtest.Change(t, host.Cmd("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 100k", "-c", "write -z 2M 64k", "-c", "write -P 9 7M 64k", p.Target.Path+"/top"))
	snapshotted := put(t, p, "snapshotted", "qcow2", backendtest.Pattern(1<<20, 3))
	qemu(t, "snapshot", "-c", "one", snapshotted.Target.Path)
	backendtest.Change(t, host.Cmd("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 100k", snapshotted.Target.Path))
	before := backendtest.Tree(t, other.Target.Path)
	for _, name := range []string{"top", "snapshotted"} {
		source := find(t, p, name)
		for _, format := range []string{"raw", "qcow2", "vmdk"} {
			for _, o := range []backend.CloneOptions{{}, {InUse: true}} {
				ok(t, here.Clone(t.Context(), p, like(source, "v", format), source, o))
				identical(t, source, find(t, p, "v"))
				ok(t, here.Delete(t.Context(), p, "v"))
			}
		}
	}
	if after := backendtest.Tree(t, other.Target.Path); after != before {
		t.Errorf("below there was\n%s\nthere is\n%s", before, after)
	}
}

// TestCloneRefused asks for clones that cannot be. Nothing is left.
func TestCloneRefused(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	raw, qcow2 := put(t, p, "raw", "raw", data), put(t, p, "qcow2", "qcow2", data)
	dir := p.Target.Path
	qemu(t, "create", "-q", "-f", "qcow2", "-o", "data_file="+dir+"/data,data_file_raw=on", dir+"/external", "1M")
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
		{raw, "raw", func(v *pooldef.Volume) { v.Target.Compat = "1.1" }, backend.CloneOptions{}, "only qcow2 has a compatibility level"},
		{qcow2, "raw", func(v *pooldef.Volume) { v.Target.Compat = "1.1" }, backend.CloneOptions{}, "only qcow2 has a compatibility level"},
		{raw, "raw", nothing, with("metadata"), "no metadata to preallocate"},
		{qcow2, "raw", nothing, with("metadata"), "only qcow2 has metadata"},
		{qcow2, "vmdk", nothing, with("full"), "cannot preallocate vmdk"},
		{qcow2, "dir", nothing, backend.CloneOptions{}, "a directory cannot be made from a volume"},
		{qcow2, "ploop", nothing, backend.CloneOptions{}, "creating ploop volumes"},
		{qcow2, "qcow2", func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: raw.Target.Path} }, backend.CloneOptions{}, "no backing store"},
		{qcow2, "qcow2", func(v *pooldef.Volume) { v.Target.Compat, v.Target.LazyRefcounts = "0.10", true }, backend.CloneOptions{}, "needs compat 1.1"},
		{changed(raw, func(v *pooldef.Volume) { v.Target.Path += "x" }), "raw", nothing, backend.CloneOptions{}, "no such file"},
		{changed(qcow2, func(v *pooldef.Volume) { v.Target.Path += "x" }), "raw", nothing, backend.CloneOptions{}, "No such file"},
		{changed(raw, func(v *pooldef.Volume) { v.Target.Format = "qcow2" }), "raw", nothing, backend.CloneOptions{}, "not in qcow2 format"},
		{changed(raw, func(v *pooldef.Volume) { v.Type = "netdir" }), "raw", nothing, backend.CloneOptions{}, "netdir"},
	} {
		before := backendtest.Tree(t, dir)
		d := like(test.source, "v", test.format)
		test.change(d)
		if err := here.Clone(t.Context(), p, d, test.source, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d: error %v, want %s", n, err, test.want)
		}
		if after := backendtest.Tree(t, dir); after != before {
			t.Fatalf("%d: there was\n%s\nthere is\n%s", n, before, after)
		}
		if stages, _ := filepath.Glob(dir + "/.poolctl-*"); len(stages) > 0 {
			t.Errorf("%d: left is %q", n, stages)
		}
	}
}

// TestCloneInUse clones what qemu has open.
func TestCloneInUse(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	for _, format := range []string{"raw", "qcow2"} {
		source := put(t, p, format, format, data)
		stop := hold(t, source)
		for _, to := range []string{"raw", "qcow2", "vmdk"} {
			err := here.Clone(t.Context(), p, like(source, "v", to), source, backend.CloneOptions{})
			used := (*host.InUseError)(nil)
			if !errors.As(err, &used) || used.Path != source.Target.Path {
				t.Errorf("%s to %s: error %v", format, to, err)
			}
			if names, _ := filepath.Glob(p.Target.Path + "/*v*"); len(names) > 0 {
				t.Errorf("%s to %s: left is %q", format, to, names)
			}
			ok(t, here.Clone(t.Context(), p, like(source, "v", to), source, backend.CloneOptions{InUse: true}))
			ok(t, here.Delete(t.Context(), p, "v"))
		}
		if err := here.Resize(t.Context(), p, format, 2<<20, backend.ResizeOptions{}); !errors.As(err, new(*host.InUseError)) {
			t.Errorf("resized %s: error %v", format, err)
		}
		if err := here.Wipe(t.Context(), p, format, "zero", nil); !errors.As(err, new(*host.InUseError)) {
			t.Errorf("wiped %s: error %v", format, err)
		}
		if err := here.Wipe(t.Context(), p, format, "random", nil); !errors.As(err, new(*host.InUseError)) {
			t.Errorf("wiped %s: error %v", format, err)
		}
		stop()
		ok(t, here.Clone(t.Context(), p, like(source, "v", format), source, backend.CloneOptions{}))
		identical(t, source, find(t, p, "v"))
		ok(t, here.Delete(t.Context(), p, "v"))
	}
}

// hold has qemu-io open a volume for writing until stop is called.
func hold(t *testing.T, v *pooldef.Volume) (stop func()) {
	t.Helper()
	cmd := exec.Command("qemu-io", "-f", v.Target.Format, v.Target.Path)
	in, err := cmd.StdinPipe()
	ok(t, err)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	_, err = out.Read(make([]byte, 8)) // its prompt: the image is open
	ok(t, err)
	return func() {
		fmt.Fprintln(in, "quit")
		_ = cmd.Wait()
	}
}

// TestCloneShrinking clones a file that becomes shorter meanwhile.
func TestCloneShrinking(t *testing.T) {
	p := newPool(t)
	source := put(t, p, "raw", "raw", backendtest.Pattern(48<<20, 1))
	ctx, cut := t.Context(), false
	o := backend.CloneOptions{InUse: true, CreateOptions: backend.CreateOptions{Progress: func(done, _ uint64) {
		if done > 0 && !cut {
			cut = true
			ok(t, os.Truncate(source.Target.Path, 1<<20))
		}
	}}}
	d := like(source, "v", "raw")
	err := here.Clone(ctx, p, d, source, o)
	if err == nil || !cut {
		t.Errorf("cut: %v, error %v", cut, err)
	}
	if entries, _ := os.ReadDir(p.Target.Path); len(entries) != 1 {
		t.Errorf("left is %v", entries)
	}
}

// TestCloneFull clones into a file system that has too little room. Nothing is left, and nothing has happened to the source.
func TestCloneFull(t *testing.T) {
	small, p := poolIn(backendtest.Mount(t, "-t", "tmpfs", "-o", "size=4m", "tmpfs")), newPool(t)
	data := backendtest.Pattern(8<<20, 1)
	sources := []*pooldef.Volume{put(t, p, "raw", "raw", data), put(t, p, "qcow2", "qcow2", data)}
	before := backendtest.Tree(t, p.Target.Path)
	write(t, small, "other", "theirs")
	for _, source := range sources {
		for _, format := range []string{"raw", "qcow2", "vmdk"} {
			for _, preallocation := range []string{"", "full"} {
				if format == "vmdk" && preallocation != "" {
					continue
				}
				o := backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: preallocation}}
				err := here.Clone(t.Context(), small, like(source, "v", format), source, o)
				if err == nil || !strings.Contains(strings.ToLower(err.Error()), "no space") {
					t.Errorf("%s to %s, %q: error %v", source.Name, format, preallocation, err)
				}
				space, err := here.Space(t.Context(), small)
				ok(t, err)
				if entries, _ := os.ReadDir(small.Target.Path); len(entries) != 1 || space.Allocation > 64<<10 {
					t.Errorf("%s to %s, %q: left is %v, %d bytes", source.Name, format, preallocation, entries, space.Allocation)
				}
			}
		}
	}
	if after := backendtest.Tree(t, p.Target.Path); after != before {
		t.Errorf("of the sources there was\n%s\nthere is\n%s", before, after)
	}
}

// TestCloneReflink shares blocks where there is a file system for that, and fails where there is none.
func TestCloneReflink(t *testing.T) {
	o := backend.CloneOptions{Reflink: true}
	plain := poolIn(backendtest.Mount(t, "-t", "tmpfs", "tmpfs"))
	source := put(t, plain, "raw", "raw", backendtest.Pattern(1<<20, 1))
	if err := here.Clone(t.Context(), plain, like(source, "v", "raw"), source, o); !errors.As(err, new(*host.ReflinkError)) {
		t.Errorf("on tmpfs: error %v", err)
	}
	if entries, _ := os.ReadDir(plain.Target.Path); len(entries) != 1 {
		t.Errorf("on tmpfs: left is %v", entries)
	}
	p := poolIn(backendtest.Disk(t, "mkfs.btrfs", "-q"))
	for _, format := range []string{"raw", "qcow2"} {
		source := put(t, p, format, format, backendtest.Pattern(40<<20, 1))
		backendtest.Change(t, host.Cmd("sync", "-f", p.Target.Path))
		for n := range 3 { // more than there would be room for
			ok(t, here.Clone(t.Context(), p, like(source, fmt.Sprint(format, n), format), source, o))
			identical(t, source, find(t, p, fmt.Sprint(format, n)))
		}
		for n := range 3 {
			ok(t, here.Delete(t.Context(), p, fmt.Sprint(format, n)))
		}
		ok(t, here.Delete(t.Context(), p, format))
		backendtest.Change(t, host.Cmd("sync", "-f", p.Target.Path))
	}
}

// TestCloneInterrupted cancels a conversion while qemu-img works.
func TestCloneInterrupted(t *testing.T) {
	p := newPool(t)
	source := put(t, p, "raw", "raw", backendtest.Pattern(1<<20, 1))
	before := backendtest.Tree(t, p.Target.Path)
	ctx, cancel := context.WithCancel(t.Context())
	d := like(source, "v", "qcow2")
	d.Capacity = pooldef.Bytes(64 << 30) // more than is written in the time that this test takes
	go func() {
		for {
			if info, err := os.Stat(p.Target.Path + "/" + stageName("v") + "/v"); err == nil && info.Size() > 4<<20 {
				cancel()
				return
			}
		}
	}()
	o := backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: "full"}}
	if err := here.Clone(ctx, p, d, source, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if after := backendtest.Tree(t, p.Target.Path); after != before {
		t.Errorf("there is\n%s", after)
	}
	if err := here.Clone(t.Context(), p, like(source, "raw", "raw"), source, o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("onto itself: error %v", err)
	}
}
