package logical

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// started returns a built and started pool with a volume.
func started(t *testing.T, n int) (*pooldef.Pool, *Backend) {
	t.Helper()
	p, b := newPool(t, n), newBackend()
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", 8*mib), backend.CreateOptions{}))
	return p, b
}

// refused fails the test unless err is of type E and contains the words.
func refused[E error](t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if target := *new(E); !errors.As(err, &target) {
		t.Errorf("%s: error %v", what, err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %v does not contain %s", what, err, w)
		}
	}
}

// TestInUse tries every operation that must not affect a volume in use.
func TestInUse(t *testing.T) {
	p, b := started(t, 1)
	device := path(p, "v")
	use := map[string]func(){
		"mounted at": func() {
			backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", device))
			backendtest.Mount(t, device)
		},
		"process": func() {
			f, err := os.Open(device)
			ok(t, err)
			t.Cleanup(func() { f.Close() })
		},
	}
	for _, how := range []string{"process", "mounted at"} {
		use[how]()
		before := snapshot(t)
		for what, err := range map[string]error{
			"stop":   b.Stop(t.Context(), p),
			"delete": b.Delete(t.Context(), p, "v"),
			"grow":   b.Resize(t.Context(), p, "v", 16*mib, backend.ResizeOptions{}),
			"shrink": b.Resize(t.Context(), p, "v", 4*mib, backend.ResizeOptions{Shrink: true}),
		} {
			refused[*backend.BusyError](t, what, err, how)
		}
		if after := snapshot(t); after != before {
			t.Errorf("%s: state before\n%s\nstate after\n%s", how, before, after)
		}
	}
	refused[*host.InUseError](t, "wipe", b.Wipe(t.Context(), p, "v", "zero", nil))
}

// TestNotOurs stops a pool that poolctl did not activate.
func TestNotOurs(t *testing.T) {
	p, b := started(t, 1)
	ok(t, b.Stop(t.Context(), p))
	p.Started = false
	run(t, "vgchange", "-ay", "vg-0")
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
	refused[*backend.StateError](
		t, "stop", b.Stop(t.Context(), p), "was not activated by poolctl", "active volumes: v",
	)
	run(t, "vgchange", "-an", "vg-0")
	if active, err := b.Active(t.Context(), p); active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
}

// TestLast deletes the last volume. The pool stays active, and can be stopped and deleted.
func TestLast(t *testing.T) {
	p, b := started(t, 1)
	refused[*backend.StateError](t, "remove with a volume in it", b.DeletePool(t.Context(), p),
		"it contains logical volumes: v")
	ok(t, b.Delete(t.Context(), p, "v"))
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
	ok(t, b.Stop(t.Context(), p))
	if _, err := os.Stat(dir("vg-0")); err == nil {
		t.Error("its directory still exists")
	}
	ok(t, b.DeletePool(t.Context(), p))
}

// TestMissing starts a group with a missing device.
func TestMissing(t *testing.T) {
	p, b := started(t, 2)
	ok(t, b.Stop(t.Context(), p))
	run(t, "vgchange", "-q", "-an", "vg-0")
	run(t, "wipefs", "-a", "-q", "/dev/loop1")
	before := snapshot(t)
	refused[*backend.StateError](
		t, "start", b.Start(t.Context(), p), "lacks 1 of its devices; it has /dev/loop0",
	)
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	for v, err := range b.Details(t.Context(), p) {
		if err != nil || v.Name != "v" || v.Err != nil { // the volume is on the other device
			t.Errorf("listed %+v, error %v", v, err)
		}
	}
	run(t, "vgreduce", "-q", "-f", "--removemissing", "vg-0")
	ok(t, b.Start(t.Context(), p))
	ok(t, b.Stop(t.Context(), p))
}

// TestDegraded starts the volumes of a group that are complete, and changes nothing in it.
func TestDegraded(t *testing.T) {
	p, b := started(t, 3) // v is on the first device
	run(t, "lvcreate", "-qy", "-n", "lost", "-L", "8M", "vg-0", devices[1])
	run(t, "lvcreate", "-qy", "--type", "raid1", "-m", "1", "-n", "mirror", "-L", "8M", "vg-0", devices[1],
		devices[2])
	ok(t, b.Stop(t.Context(), p))
	run(t, "wipefs", "-a", "-q", "-f", devices[1])
	start := func() []*pooldef.Volume {
		t.Helper()
		missing, err := b.StartDegraded(t.Context(), p)
		ok(t, err)
		return missing
	}
	missing := start()
	if len(missing) != 1 || missing[0].Name != "lost" || !errors.Is(missing[0].Err, errPartial) {
		t.Errorf("missing %+v", missing)
	}
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
	for name, want := range map[string]bool{"v": true, "lost": false, "mirror": true} {
		if _, err := os.Stat(path(p, name)); (err == nil) != want {
			t.Errorf("%s: error %v", name, err)
		}
		before := snapshot(t)
		for what, err := range map[string]error{
			"create": b.Create(t.Context(), p, volume("x", mib), backend.CreateOptions{}),
			"rename": b.Rename(t.Context(), p, name, "x"), "delete": b.Delete(t.Context(), p, name),
			"delete with snapshots": b.DeleteWithSnapshots(t.Context(), p, name),
			"resize":                b.Resize(t.Context(), p, name, 16*mib, backend.ResizeOptions{}),
		} {
			refused[*backend.StateError](t, what+" "+name, err, "lacks a device")
		}
		if after := snapshot(t); after != before {
			t.Errorf("%s: state before\n%s\nstate after\n%s", name, before, after)
		}
	}
	refused[*backend.StateError](t, "wipe", b.Wipe(t.Context(), p, "lost", "zero", nil), "devices is missing")
	ok(t, b.Wipe(t.Context(), p, "v", "zero", nil))
	ok(t, b.Stop(t.Context(), p))
	run(t, "vgreduce", "-q", "-f", "--removemissing", "vg-0")
	if missing := start(); missing != nil { // it is complete
		t.Errorf("missing %+v", missing)
	}
	ok(t, b.Stop(t.Context(), p))
}

// TestNothingComplete starts a group all of whose volumes lack a device.
func TestNothingComplete(t *testing.T) {
	p, b := started(t, 2)
	ok(t, b.Stop(t.Context(), p))
	run(t, "wipefs", "-a", "-q", "-f", devices[0])
	p.Source.Devices = p.Source.Devices[1:]
	before := snapshot(t)
	_, err := b.StartDegraded(t.Context(), p)
	refused[*backend.StateError](t, "start", err, "each volume")
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	refused[*backend.StateError](t, "remove", b.DeletePool(t.Context(), p), "logical volumes: v")
}

// TestBuildRefused builds on devices that contain data, are in use, or do not exist.
func TestBuildRefused(t *testing.T) {
	p, b := newPool(t, 2), newBackend()
	build := func(overwrite bool) error {
		return b.Build(
			t.Context(), p, backend.BuildOptions{Overwrite: overwrite},
		)
	}
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "/dev/loop1"))
	refused[*backend.ContentError](t, "a file system", build(false), "/dev/loop1", "ext4")
	if run(t, "pvs", "--noheadings") != "" {
		t.Error("something was created")
	}
	dir := t.TempDir()
	backendtest.Change(t, host.Cmd("mount", "/dev/loop1", dir))
	refused[*backend.BusyError](t, "mounted", build(true), "/dev/loop1", dir)
	backendtest.Change(t, host.Cmd("umount", dir))
	ok(t, build(true))
	refused[*pooldef.ConflictError](t, "built", build(false), "vg-0", "already")
	ok(t, build(true)) // overwrites all of the group
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	refused[*backend.BusyError](t, "active", build(true), "held by", "vg--0-v")
	ok(t, b.Stop(t.Context(), p))
	p.Source.Devices = p.Source.Devices[:1]
	refused[*pooldef.ConflictError](t, "a part of it", build(true), "/dev/loop1")
	p.Source.Name = "other"
	refused[*backend.ContentError](t, "another group's", build(false), "LVM2_member")
	p.Source.Devices[0].Path = "/dev/nothing"
	if err := build(true); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing device: error %v", err)
	}
	p.Source.Devices = nil
	refused[pooldef.Problems](t, "no devices", build(true), "missing")
	refused[*backend.StateError](t, "start", b.Start(t.Context(), p), "no volume group")
}

// TestKinds creates snapshots and sparse volumes, and tries operations that they do not support.
func TestKinds(t *testing.T) {
	p, b := started(t, 1)
	create := func(name string, change func(v *pooldef.Volume)) error {
		v := volume(name, 8*mib)
		change(v)
		return b.Create(t.Context(), p, v, backend.CreateOptions{})
	}
	of := func(origin string) func(*pooldef.Volume) {
		return func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: origin} }
	}
	ok(
		t,
		create(
			"sparse", func(v *pooldef.Volume) { v.Capacity, v.Allocation = pooldef.Bytes(64*mib), pooldef.Bytes(mib) },
		),
	)
	ok(t, create("snap", of("/dev/vg-0/v")))
	refused[pooldef.Problems](t, "a snapshot of nothing", create("x", of("/dev/vg-0/none")), "none")
	run(t, "lvcreate", "-qy", "-T", "-L", "16M", "vg-0/tp")
	run(t, "lvcreate", "-qy", "-n", "tv", "-V", "1G", "-T", "vg-0/tp")
	ok(t, create("tvs", of("tv")))
	equals(t, "kinds.golden", listing(t, b, p))
	refused[*backend.StateError](t, "delete an origin", b.Delete(t.Context(), p, "v"), "snap")
	refused[*backend.UnsupportedError](t, "wipe a snapshot", b.Wipe(t.Context(), p, "snap", "zero", nil))
	refused[*backend.UnsupportedError](
		t, "resize a snapshot", b.Resize(t.Context(), p, "snap", 16*mib, backend.ResizeOptions{}),
	)
	refused[*backend.StateError](
		t, "no room", create("x", func(v *pooldef.Volume) { v.Capacity = pooldef.Bytes(1 << 40) }),
		"not enough space", "83886080 bytes free",
	)
	source, err := b.Volume(t.Context(), p, "sparse")
	ok(t, err)
	ok(t, b.Clone(t.Context(), p, volume("copy", 64*mib), source, backend.CloneOptions{}))
	ok(t, b.Delete(t.Context(), p, "tv")) // its snapshot does not depend on it
	for _, name := range []string{"tvs", "snap", "sparse", "copy", "v"} {
		ok(t, b.Delete(t.Context(), p, name))
	}
	refused[*backend.StateError](t, "resize what is not active", inactive(t, b, p), "not active")
}

func inactive(t *testing.T, b *Backend, p *pooldef.Pool) error {
	t.Helper()
	run(t, "lvcreate", "-qy", "-an", "-Zn", "-n", "inact", "-L", "4M", "vg-0")
	v, err := b.Volume(context.Background(), p, "inact")
	ok(t, err)
	if v.Target.Permissions.Mode != nil || v.Capacity.Bytes != 4*mib || v.Key == "" {
		t.Errorf("inactive: got %+v", v)
	}
	return b.Resize(context.Background(), p, "inact", 8*mib, backend.ResizeOptions{})
}

// TestDiscover finds a group, also by a link to its device.
func TestDiscover(t *testing.T) {
	p, b := started(t, 2)
	found, err := b.Discover(t.Context(), &pooldef.Source{})
	if err != nil || len(found) != 1 || found[0].Name != "vg-0" || found[0].Format != "lvm2" ||
		len(found[0].Devices) != 2 || found[0].Devices[1].Path != "/dev/loop1" {
		t.Errorf("found %+v, error %v", found, err)
	}
	ok(t, b.Delete(t.Context(), p, "v"))
	ok(t, b.Stop(t.Context(), p))
	for i := range p.Source.Devices {
		link := "/dev/disk/by-id/lab-" + filepath.Base(p.Source.Devices[i].Path)
		ok(t, os.MkdirAll(filepath.Dir(link), 0o755))
		ok(t, os.Symlink(p.Source.Devices[i].Path, link))
		t.Cleanup(func() { os.Remove(link) })
		p.Source.Devices[i].Path = link
	}
	ok(t, b.Start(t.Context(), p))
	ok(t, b.Stop(t.Context(), p))
	ok(t, b.DeletePool(t.Context(), p))
	if pvs := run(t, "pvs", "--noheadings"); pvs != "" {
		t.Errorf("left over: %s", pvs)
	}
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	p.Source.Devices = []pooldef.Device{{Path: "/dev/loop2"}}
	refused[*backend.StateError](t, "start with other devices", b.Start(t.Context(), p), "none of the devices")
}
