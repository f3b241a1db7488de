package filevol

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend/backendtest"
	"poolctl/pooldef"
)

// overlay returns a qcow2 image (version 2) of one byte with a backing file.
func overlay(backing string) string {
	header := make([]byte, 72)
	copy(header, "QFI\xfb\x00\x00\x00\x02")
	header[15], header[18], header[19] = 72, byte(len(backing)>>8), byte(len(backing))
	header[23], header[31] = 16, 1
	return string(header) + backing
}

// watch returns a function that reports whether a file was opened.
func watch(t *testing.T, path string) func() bool {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	ok(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
	ok(t, err)
	return func() bool {
		n, _ := unix.Read(fd, make([]byte, 4096))
		return n > 0
	}
}

// TestBackingIsLeftAlone lists images with backing files that must not be opened. A listing opens no backing
// file. Volume opens the backing file of one image if that is a regular file, and none below.
func TestBackingIsLeftAlone(t *testing.T) {
	p, outside := newPool(t), newPool(t)
	last := write(t, outside, "last", "the end")
	middle := write(t, outside, "middle", overlay(last))
	fifo := outside.Target.Path + "/fifo"
	ok(t, unix.Mkfifo(fifo, 0o600))
	named := map[string]string{
		"file": middle, "relative": "../" + strings.TrimPrefix(middle, parent(p)), "fifo": fifo,
		"dir": outside.Target.Path, "none": "/no/such",
		"self": "self", "json": `json:{"driver":"raw","file":{"driver":"file","filename":"` + middle + `"}}`, "nbd": "nbd://127.0.0.1:1/x",
		"http": "http://127.0.0.1:1/x", "device": "/dev/watchdog", "broken": `json:{"driver":`,
	}
	for name, backing := range named {
		write(t, p, name, overlay(backing))
	}
	openedMiddle, openedLast, openedFifo := watch(t, middle), watch(t, last), watch(t, fifo)
	if found := list(t, p); len(found) != len(named) {
		t.Errorf("got %v", found)
	}
	if openedMiddle() || openedLast() || openedFifo() {
		t.Error("the listing opened a backing file")
	}
	for name, want := range map[string]string{
		"file":     middle + " qcow2 0600",
		"relative": p.Target.Path + "/../" + strings.TrimPrefix(middle, parent(p)) + " qcow2 0600",
		"json":     middle + " qcow2 0600", "fifo": fifo + "  none",
		"dir": outside.Target.Path + "  0755", "none": "/no/such  none", "self": p.Target.Path + "/self qcow2 0600",
		"nbd": "nbd://127.0.0.1:1/x raw none", "http": "http://127.0.0.1:1/x raw none",
		"broken": `json:{"driver": raw none`,
	} {
		v, err := here.Volume(t.Context(), p, name)
		ok(t, err)
		got := v.Backing.Path + " " + v.Backing.Format + " none"
		if mode := v.Backing.Permissions.Mode; mode != nil {
			got = fmt.Sprintf("%s %s %04o", v.Backing.Path, v.Backing.Format, *mode)
		}
		if got != want {
			t.Errorf("%s: got backing file %s, want %s", name, got, want)
		}
	}
	if !openedMiddle() || openedLast() || openedFifo() {
		t.Error("Volume did not open the backing file, or opened others")
	}
}

func parent(p *pooldef.Pool) string { return p.Target.Path[:strings.LastIndex(p.Target.Path, "/")+1] }

// hasNoCOW reports whether a file has the C attribute of lsattr(1).
func hasNoCOW(t *testing.T, path string) bool {
	t.Helper()
	out, err := exec.Command("lsattr", "-d", path).Output()
	ok(t, err)
	attributes, _, _ := strings.Cut(string(out), " ")
	return strings.Contains(attributes, "C")
}

// TestBtrfs builds pools on btrfs, with and without copy-on-write, and creates volumes in them.
func TestBtrfs(t *testing.T) {
	top := backendtest.Disk(t, "mkfs.btrfs", "-q")
	yes, no := true, false
	for name, test := range map[string]struct {
		cow   *bool
		exist bool
		want  bool // no copy-on-write
	}{"new": {nil, false, true}, "wanted": {&yes, false, false}, "unwanted": {&no, false, true},
		"old": {nil, true, false}, "old unwanted": {&no, true, true}} {
		p := poolIn(top + "/" + name + "/pool")
		p.COW = test.cow
		if test.exist {
			ok(t, os.MkdirAll(p.Target.Path, 0o755))
		}
		ok(t, here.BuildDir(t.Context(), p))
		create(t, p, rawVolume("inherits", 1<<20), "")
		for i, format := range []string{"raw", "qcow2"} {
			v := rawVolume(fmt.Sprint("v", i), 1<<20)
			v.Target.Format, v.Target.NoCOW = format, true
			create(t, p, v, "")
			if !hasNoCOW(t, p.Target.Path+"/"+v.Name) {
				t.Errorf("%s: the %s volume is copy-on-write", name, format)
			}
		}
		for _, path := range []string{p.Target.Path, p.Target.Path + "/inherits"} {
			if got := hasNoCOW(t, path); got != test.want {
				t.Errorf("%s: no-COW attribute of %s: got %v", name, path, got)
			}
		}
	}
	elsewhere := poolIn(backendtest.Mount(t, "-t", "tmpfs", "tmpfs") + "/pool")
	elsewhere.COW = &no
	if err := here.BuildDir(t.Context(), elsewhere); err == nil {
		t.Error("got no error for cow=no on tmpfs")
	}
	if _, err := os.Stat(elsewhere.Target.Path); err == nil {
		t.Error("the directory was not removed")
	}
}

// TestWithoutFallocate creates preallocated volumes on a file system that does not support fallocate(2).
func TestWithoutFallocate(t *testing.T) {
	p := poolIn(backendtest.Disk(t, "mkfs.ext2", "-q"))
	for _, format := range []string{"raw", "qcow2"} {
		v := rawVolume(format, 4<<20)
		v.Target.Format = format
		create(t, p, v, "falloc")
		found, err := here.Volume(t.Context(), p, format)
		ok(t, err)
		if found.Allocation.Bytes < 4<<20 || found.Capacity.Bytes != 4<<20 {
			t.Errorf("%s: got %+v", format, *found)
		}
	}
}
