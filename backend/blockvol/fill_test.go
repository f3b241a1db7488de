package blockvol

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/filevol"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

var (
	secrets = backendtest.Secrets{"key": "the passphrase"}
	here    = newLoops(&host.Local{}, secrets)
)

// newDevice creates a loop device full of garbage.
func newDevice(t *testing.T, p *pooldef.Pool, name string, size uint64) string {
	t.Helper()
	ok(t, here.Create(t.Context(), p, volume(name, size), backend.CreateOptions{}))
	device, err := filepath.EvalSymlinks(p.Target.Path + "/" + name)
	ok(t, err)
	ok(t, writeTo(device, backendtest.Pattern(size, 9)))
	return device
}

func writeTo(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	return err
}

// newSources returns volumes of 1 MiB with the same data: files in several formats, and a device.
func newSources(t *testing.T, devices *pooldef.Pool, data []byte) map[string]*pooldef.Volume {
	t.Helper()
	files := filevol.Files{Host: &host.Local{}, Secrets: secrets}
	p := &pooldef.Pool{Type: pooldef.Dir, Name: "files", Target: pooldef.Target{Path: t.TempDir()}}
	sources := map[string]*pooldef.Volume{}
	for _, format := range []string{"raw", "qcow2", "vmdk"} {
		ok(t, os.WriteFile(p.Target.Path+"/"+format, backendtest.Convert(t, "raw", format, data), 0o600))
		v, err := files.Volume(t.Context(), p, format)
		ok(t, err)
		sources[format] = v
	}
	backendtest.Encrypt(t, p.Target.Path+"/luks,x", "raw", secrets["key"], data)
	v, err := files.Volume(t.Context(), p, "luks,x")
	ok(t, err)
	v.Target.Encryption.Secrets = backendtest.LUKS("key").Secrets
	sources["luks"] = v
	newDevice(t, devices, "source", uint64(len(data)))
	ok(t, writeTo(devices.Target.Path+"/source", data))
	sources["block"], err = here.Volume(t.Context(), devices, "source")
	ok(t, err)
	return sources
}

// external returns an image that keeps its data in another file.
func external(t *testing.T, p *pooldef.Pool) *pooldef.Volume {
	t.Helper()
	backendtest.Change(t, host.Cmd("qemu-img", "create", "-q", "-f", "qcow2", "-o",
		"data_file="+p.Target.Path+"/data", p.Target.Path+"/external", "1M"))
	v, err := filevol.Files{Host: &host.Local{}}.Volume(t.Context(), p, "external")
	ok(t, err)
	return v
}

// TestFill fills devices that are as large as the source, larger, and too small. All of them contain garbage
// before.
func TestFill(t *testing.T) {
	needsLoops(t)
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	sources := newSources(t, p, data)
	larger := newDevice(t, p, "larger", 2<<20+512)
	equal := newDevice(t, p, "equal", 1<<20)
	smaller := newDevice(t, p, "smaller", 1<<20-512)
	garbage := backendtest.Pattern(2<<20+512, 9)
	for name, source := range sources {
		for _, device := range []string{larger, equal} {
			ok(t, writeTo(device, garbage[:len(read(t, device))]))
			ok(t, here.Fill(t.Context(), p, device, source, backend.CloneOptions{}))
			if got := read(t, device); !bytes.Equal(got[:len(data)], data) ||
				len(bytes.Trim(got[len(data):], "\x00")) > 0 {
				t.Errorf("%s: the device does not contain the data followed by zeros", name)
			}
		}
		before := read(t, smaller)
		if err := here.Fill(t.Context(), p, smaller, source, backend.CloneOptions{}); err == nil {
			t.Errorf("%s: device too small: got no error", name)
		}
		if !bytes.Equal(before, read(t, smaller)) {
			t.Errorf("%s: device too small: it was written to", name)
		}
	}
}

// TestFillFromServer fills a device, full of garbage, with data that a function writes.
func TestFillFromServer(t *testing.T) {
	needsLoops(t)
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	device := newDevice(t, p, "v", 2<<20)
	source := &pooldef.Volume{Name: "source", Type: "network", Capacity: pooldef.Bytes(1 << 20)}
	o := backend.CloneOptions{Fill: func(_ context.Context, path string) error {
		to, err := host.OpenToFill(&host.Local{}, path)
		ok(t, err)
		defer to.Close()
		_, err = to.Write(data)
		return err
	}}
	ok(t, here.Fill(t.Context(), p, device, source, o))
	if got := read(t, device); !bytes.Equal(got, append(data, make([]byte, 1<<20)...)) {
		t.Error("the device does not contain the data followed by zeros")
	}
	o.Reflink = true
	if err := here.Fill(t.Context(), p, device, source, o); err == nil {
		t.Error("sharing blocks with a server: got no error")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	ok(t, err)
	return data
}

// TestInUse tries every operation that writes to a device on a mounted device.
func TestInUse(t *testing.T) {
	needsLoops(t)
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	sources := newSources(t, p, data)
	device := newDevice(t, p, "v", 8<<20)
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", device))
	dir := backendtest.Mount(t, device)
	ok(t, os.WriteFile(dir+"/file", data, 0o600))
	writes := map[string]func() error{}
	for name, source := range sources {
		writes["fill with "+name] = func() error {
			return here.Fill(t.Context(), p, device, source, backend.CloneOptions{})
		}
	}
	for _, algorithm := range []string{"zero", "trim", "random"} {
		writes["wipe by "+algorithm] = func() error { return here.Wipe(t.Context(), p, "v", algorithm, nil) }
	}
	writes["upload"] = func() error {
		f, err := os.Open(sources["raw"].Target.Path)
		ok(t, err)
		defer f.Close()
		return here.Upload(t.Context(), p, "v", f, backend.Transfer{})
	}
	for what, write := range writes {
		if err := write(); !errors.As(err, new(*host.InUseError)) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	backendtest.Change(t, host.Cmd("mount", "-o", "remount", dir))
	if out, err := new(host.Local).Query(t.Context(), host.Cmd("e2fsck", "-fn", device)); err != nil {
		t.Errorf("the file system is damaged: %v\n%s", err, out)
	}
	if !bytes.Equal(read(t, dir+"/file"), data) {
		t.Error("the file in the file system is damaged")
	}
}

// TestFillRefused requests copies that devices do not support.
func TestFillRefused(t *testing.T) {
	needsLoops(t)
	p := newPool(t)
	sources := newSources(t, p, backendtest.Pattern(1<<20, 1))
	device := newDevice(t, p, "v", 1<<20)
	before := read(t, device)
	like := func(name string, change func(*pooldef.Volume)) *pooldef.Volume {
		v := *sources[name]
		change(&v)
		return &v
	}
	for _, test := range []struct {
		source *pooldef.Volume
		o      backend.CloneOptions
		want   string
	}{
		{sources["raw"], backend.CloneOptions{Reflink: true}, "sharing blocks"},
		{sources["raw"], backend.CloneOptions{CreateOptions: backend.CreateOptions{Preallocation: "full"}},
			"nothing to preallocate"},
		{like("raw", func(v *pooldef.Volume) { v.Type = "dir" }), backend.CloneOptions{}, "volumes of type dir"},
		{like("raw", func(v *pooldef.Volume) { v.Type = "network" }), backend.CloneOptions{},
			"volumes of type network"},
		{external(t, p), backend.CloneOptions{}, "data in other files"},
		{like("raw", func(v *pooldef.Volume) { v.Target.Format = "qcow2" }), backend.CloneOptions{},
			"changed meanwhile"},
		{like("luks", func(v *pooldef.Volume) { v.Target.Encryption = backendtest.LUKS("none") }),
			backend.CloneOptions{}, "Secret not found"},
		{like("qcow2", func(v *pooldef.Volume) { v.Target.Path += "x" }), backend.CloneOptions{}, "no such file"},
		{like("raw", func(v *pooldef.Volume) { v.Target.Path += "x" }), backend.CloneOptions{}, "no such file"},
	} {
		err := here.Fill(t.Context(), p, device, test.source, test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v, %+v: error %v, want %s", *test.source, test.o, err, test.want)
		}
		if !bytes.Equal(before, read(t, device)) {
			t.Errorf("%+v, %+v: the device was written to", *test.source, test.o)
		}
		ok(t, writeTo(device, before))
	}
}

// TestScrubSizes overwrites devices of odd sizes.
func TestScrubSizes(t *testing.T) {
	needsLoops(t)
	p := newPool(t)
	for name, size := range map[string]uint64{"a": 512, "b": 1536, "c": 4096 + 512, "d": 4<<20 + 512} {
		device := newDevice(t, p, name, size)
		before := read(t, device)
		ok(t, here.Wipe(t.Context(), p, name, "random", nil))
		if is := read(t, device); bytes.Equal(is[:512], before[:512]) ||
			bytes.Equal(is[len(is)-512:], before[len(before)-512:]) || len(is) != len(before) {
			t.Errorf("size %d: the first or last sector was not overwritten", size)
		}
	}
}
