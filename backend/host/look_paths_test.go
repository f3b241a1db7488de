package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSpace(t *testing.T) {
	l, dir := &Local{}, tmpfs(t, 1024)
	if s, err := l.Space(dir); s != (Space{1 << 20, 1 << 20, s.Files, s.Files - 1}) || err != nil {
		t.Errorf("an empty tmpfs of 1 MiB has %+v, error %v", s, err)
	}
	do(t, l, CreateFile{Path: dir + "/x", UID: -1, GID: -1, Size: 1 << 18, Allocate: 1 << 18})
	if s, err := l.Space(dir + "/x"); s != (Space{1 << 20, 3 << 18, s.Files, s.Files - 2}) || err != nil {
		t.Errorf("with a quarter used it has %+v, error %v", s, err)
	}
	if _, err := l.Space(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	// What is reserved for root counts as free: df(1) says otherwise, libvirt does not.
	disk := disk(t, "mkfs.ext2", "-q", "-m", "50")
	s, err := l.Space(disk)
	if err != nil || s.Free < s.Total*9/10 {
		t.Errorf("an ext2 with half of it reserved has %+v, error %v", s, err)
	}
}

func TestMounted(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	do(t, l, Mkdir{dir + "/a b", 0o755}, Mkdir{dir + "/plain", 0o755}, WriteFile{dir + "/file", nil},
		Symlink{dir + "/a b", dir + "/link"})
	do(t, l, Mkdir{dir + "/bind\\040\n", 0o755}, Symlink{dir + "/plain", dir + "/to plain"})
	top := tmpfs(t, 64)
	do(t, l, Mkdir{top + "/sub", 0o755})
	run(t, "mount", "--bind", dir+"/plain", dir+"/a b")
	run(t, "mount", "--bind", dir+"/plain", dir+"/bind\\040\n")
	t.Cleanup(func() { run(t, "umount", dir+"/a b"); run(t, "umount", dir+"/bind\\040\n") })
	for path, want := range map[string]bool{
		"/": true, "/proc": true, top: true, top + "/": true, top + "/sub": false, dir: false,
		dir + "/a b": true, dir + "/link": true, dir + "/bind\\040\n": true, dir + "/plain": false,
		dir + "/to plain": false,
		dir + "/none":     false, dir + "/none/below": false, dir + "/file": false,
	} {
		if got, err := l.Mounted(path); got != want || err != nil {
			t.Errorf("%q: got %v, error %v", path, got, err)
		}
	}
}

func TestOnBtrfs(t *testing.T) {
	l := &Local{}
	btrfs, other := disk(t, "mkfs.btrfs", "-q"), tmpfs(t, 64)
	for path, want := range map[string]bool{
		btrfs: true, btrfs + "/not/there/yet": true, other: false, other + "/not/there/yet": false,
		"/no/such": false,
	} {
		if got, err := l.OnBtrfs(path); got != want || err != nil {
			t.Errorf("%s: got %v, error %v", path, got, err)
		}
	}
}

func TestCanonical(t *testing.T) {
	l := &Local{}
	dir := l.Canonical(t.TempDir())
	do(t, l, Mkdir{dir + "/a b", 0o755}, Symlink{"a b", dir + "/link"}, Symlink{"loop", dir + "/loop"},
		Symlink{"none", dir + "/dangling"})
	for path, want := range map[string]string{
		"/link": "/a b", "/link/": "/a b", "/./link/../link": "/a b", "/none/../x": "/x", "/loop": "/loop",
		"/dangling":  "/dangling",
		"/link/none": "/link/none",
	} {
		if got := l.Canonical(dir + path); got != dir+want {
			t.Errorf("%s is %s, want %s", path, strings.TrimPrefix(got, dir), want)
		}
	}
}

func TestCanonicalTag(t *testing.T) {
	l := &Local{}
	for tag, want := range map[string]string{
		"UUID=x-y": "/dev/disk/by-uuid/x-y", "PARTLABEL=a=b": "/dev/disk/by-partlabel/a=b", "ID=x": "ID=x",
		"/a/UUID=x": "/a/UUID=x",
	} {
		if got := l.Canonical(tag); got != want {
			t.Errorf("%s is %s, want %s", tag, got, want)
		}
	}
}

// TestFCHost finds ports in a directory tree with the layout of scsi_transport_fc(4): classes contain links
// to devices.
func TestFCHost(t *testing.T) {
	root := filepath.Join(t.TempDir(), "host9") // must not be mistaken for a SCSI host
	l := &Local{Root: root}
	port := func(host, device, node, port string) {
		dir := root + "/sys/devices" + device + "/" + host + "/fc_host/" + host
		do(t, l, WriteFile{dir + "/node_name", []byte(node + "\n")},
			WriteFile{dir + "/port_name", []byte(port + "\n")},
			Symlink{"../../devices" + device + "/" + host + "/fc_host/" + host, root + "/sys/class/fc_host/" + host})
	}
	const pci = "/pci0000:00/0000:00:03.0/0000:05:00.1"
	port("host5", pci, "0x20000000c9831b4b", "0x10000000c9831b4b")
	port("host12", pci+"/host5/vport-5:0-0", "0x2001001B32A9DA4E", "0x2101001B32A9DA4E")
	port("hostile", pci, "0x2222222222222222", "0x3333333333333333")
	for _, test := range []struct {
		wwnn, wwpn     string
		number, parent int
		ok             bool
	}{
		{"20000000c9831b4b", "10000000c9831b4b", 5, -1, true},
		{"0x20000000C9831B4B", "0x10000000C9831B4B", 5, -1, true},
		{"2001001b32a9da4e", "2101001b32a9da4e", 12, 5, true},
		{"2001001b32a9da4e", "10000000c9831b4b", 0, -1, false},
		{"2222222222222222", "3333333333333333", 0, -1, false},
		{"", "", 0, -1, false},
	} {
		number, parent, ok := l.FCHost(test.wwnn, test.wwpn)
		if ok != test.ok || ok && (number != test.number || parent != test.parent) {
			t.Errorf("%s %s: got host %d, parent %d, %v", test.wwnn, test.wwpn, number, parent, ok)
		}
	}
	if _, _, ok := (&Local{Root: t.TempDir()}).FCHost("20000000c9831b4b", "10000000c9831b4b"); ok {
		t.Error("found a host on a machine without Fibre Channel")
	}
}

func TestTrace(t *testing.T) {
	var out strings.Builder
	dir := t.TempDir()
	h := NewTrace(&Local{}, &out)
	if text, err := h.Query(t.Context(), Cmd("echo", "a b")); string(text) != "a b\n" || err != nil {
		t.Errorf("got %q, error %v", text, err)
	}
	if err := h.Change(t.Context(), Mkdir{dir + "/d", 0o700}); err != nil || mode(t, dir+"/d") != 0o700 {
		t.Errorf("error %v", err)
	}
	if want := "? echo 'a b'\n+ mkdir -m 0700 " + dir + "/d\n"; out.String() != want {
		t.Errorf("got\n%s, want\n%s", out.String(), want)
	}
}

func TestDryRun(t *testing.T) {
	var out strings.Builder
	dir := t.TempDir()
	d := NewDryRun(&Local{}, &out)
	do := func(s Step) {
		if err := d.Change(t.Context(), s); err != nil {
			t.Error(err)
		}
	}
	there := func(name string, want bool) {
		t.Helper()
		info, err := d.Stat(dir + "/" + name)
		if (err == nil) != want || want && (!info.IsDir() || info.Mode().Perm() != 0o711) {
			t.Errorf("%s exists: %v, want %v", name, err == nil, want)
		}
	}
	do(Mkdir{dir + "/d/", 0o711})
	there("d", true)
	do(Rmdir{dir + "/d"})
	there("d", false)
	there("none", false)
	if _, err := os.Lstat(dir + "/d"); err == nil {
		t.Error("the file was created")
	}
	if text, err := d.Query(t.Context(), Cmd("echo", "x")); string(text) != "x\n" || err != nil {
		t.Errorf("a query returned %q, error %v", text, err)
	}
	before := out.String()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := d.Change(ctx, Mkdir{dir + "/e", 0o711}); !errors.Is(err, context.Canceled) ||
		out.String() != before {
		t.Errorf("cancelled: error %v, printed %q", err, strings.TrimPrefix(out.String(), before))
	}
	there("e", false)
}
