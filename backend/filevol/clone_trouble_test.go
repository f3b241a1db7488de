package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// TestCloneInUse clones volumes that qemu has open.
func TestCloneInUse(t *testing.T) {
	p, data := newPool(t), backendtest.Pattern(1<<20, 1)
	for _, format := range []string{"raw", "qcow2"} {
		source := put(t, p, format, format, data)
		stop := holdOpen(t, source)
		for _, to := range []string{"raw", "qcow2", "vmdk"} {
			err := here.Clone(t.Context(), p, like(source, "v", to), source, backend.CloneOptions{})
			if used, ok := errors.AsType[*host.InUseError](err); !ok || used.Path != source.Target.Path {
				t.Errorf("%s to %s: error %v", format, to, err)
			}
			if names, _ := filepath.Glob(p.Target.Path + "/*v*"); len(names) > 0 {
				t.Errorf("%s to %s: left behind: %q", format, to, names)
			}
			ok(t, here.Clone(t.Context(), p, like(source, "v", to), source,
				backend.CloneOptions{InUse: true}))
			ok(t, here.Delete(t.Context(), p, "v"))
		}
		if err := here.Resize(t.Context(), p, format, 2<<20,
			backend.ResizeOptions{}); !errors.As(err, new(*host.InUseError)) {
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
		checkIdentical(t, source, find(t, p, "v"))
		ok(t, here.Delete(t.Context(), p, "v"))
	}
}

// holdOpen makes qemu-io open a volume for writing until stop is called.
func holdOpen(t *testing.T, v *pooldef.Volume) (stop func()) {
	t.Helper()
	cmd := exec.Command("qemu-io", "-f", v.Target.Format, v.Target.Path)
	in, err := cmd.StdinPipe()
	ok(t, err)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	_, err = out.Read(make([]byte, 8)) // its prompt appears when the image is open
	ok(t, err)
	return func() {
		fmt.Fprintln(in, "quit")
		_ = cmd.Wait()
	}
}

// TestCloneShrinking clones a file that becomes shorter during the copy.
func TestCloneShrinking(t *testing.T) {
	p := newPool(t)
	source := put(t, p, "raw", "raw", backendtest.Pattern(48<<20, 1))
	ctx, cut := t.Context(), false
	o := backend.CloneOptions{InUse: true, CreateOptions: backend.CreateOptions{Progress: func(done,
		_ uint64) {
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
		t.Errorf("left behind: %v", entries)
	}
}

// TestConvertShrinking converts a file that became shorter after it was inspected, which qemu-img does not
// report.
func TestConvertShrinking(t *testing.T) {
	for _, format := range []string{"qcow2", "vmdk", "raw"} {
		p := newPool(t)
		source := put(t, p, "raw", map[bool]string{true: "vdi", false: "raw"}[format == "raw"],
			backendtest.Pattern(4<<20, 1))
		cutting := Files{Host: brokenHost{&host.Local{}, func(s host.Step) bool {
			if c, isCommand := s.(host.Command); isCommand && c.Name == "qemu-img" {
				ok(t, os.Truncate(source.Target.Path, 3<<20))
			}
			return false
		}}}
		if err := cutting.Clone(t.Context(), p, like(source, "v", format), source,
			backend.CloneOptions{}); err == nil {
			t.Errorf("to %s: got no error", format)
		}
		if entries, _ := os.ReadDir(p.Target.Path); len(entries) != 1 {
			t.Errorf("to %s: left behind: %v", format, entries)
		}
	}
}

// TestCloneFull clones into a file system with too little space. Nothing may be left behind, and the source
// must not change.
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
				if entries, _ := os.ReadDir(small.Target.Path); len(entries) != 1 ||
					space.Allocation > 64<<10 {
					t.Errorf("%s to %s, %q: left behind: %v, %d bytes", source.Name, format, preallocation,
						entries, space.Allocation)
				}
			}
		}
	}
	if after := backendtest.Tree(t, p.Target.Path); after != before {
		t.Errorf("sources before\n%s\nafter\n%s", before, after)
	}
}

// TestCloneReflink clones by reflink on a file system that supports it, and on one that does not.
func TestCloneReflink(t *testing.T) {
	o := backend.CloneOptions{Reflink: true}
	plain := poolIn(backendtest.Mount(t, "-t", "tmpfs", "tmpfs"))
	source := put(t, plain, "raw", "raw", backendtest.Pattern(1<<20, 1))
	if err := here.Clone(t.Context(), plain, like(source, "v", "raw"), source,
		o); !errors.As(err, new(*host.ReflinkError)) {
		t.Errorf("on tmpfs: error %v", err)
	}
	if entries, _ := os.ReadDir(plain.Target.Path); len(entries) != 1 {
		t.Errorf("on tmpfs: left behind: %v", entries)
	}
	p := poolIn(backendtest.Disk(t, "mkfs.btrfs", "-q"))
	for _, format := range []string{"raw", "qcow2"} {
		source := put(t, p, format, format, backendtest.Pattern(40<<20, 1))
		backendtest.Change(t, host.Cmd("sync", "-f", p.Target.Path))
		for n := range 3 { // more copies than the file system could store without sharing
			ok(t, here.Clone(t.Context(), p, like(source, fmt.Sprint(format, n), format), source, o))
			checkIdentical(t, source, find(t, p, fmt.Sprint(format, n)))
		}
		for n := range 3 {
			ok(t, here.Delete(t.Context(), p, fmt.Sprint(format, n)))
		}
		ok(t, here.Delete(t.Context(), p, format))
		backendtest.Change(t, host.Cmd("sync", "-f", p.Target.Path))
	}
}

// TestCloneInterrupted cancels a conversion while qemu-img runs.
func TestCloneInterrupted(t *testing.T) {
	p := newPool(t)
	source := put(t, p, "raw", "raw", backendtest.Pattern(1<<20, 1))
	before := backendtest.Tree(t, p.Target.Path)
	ctx, cancel := context.WithCancel(t.Context())
	d := like(source, "v", "qcow2")
	d.Capacity = pooldef.Bytes(64 << 30) // more than can be written during this test
	go func() {
		for {
			if info, err := os.Stat(p.Target.Path + "/" + stagingName("v") + "/v"); err == nil &&
				info.Size() > 4<<20 {
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
		t.Errorf("left behind:\n%s", after)
	}
	if err := here.Clone(t.Context(), p, like(source, "raw", "raw"), source,
		o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("clone to its own name: got error %v", err)
	}
}
