package zfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// started returns a pool that is built, exported and started, with a volume v in it.
func started(t *testing.T, n int) (*pooldef.Pool, *Backend) {
	t.Helper()
	p, b := newPool(t, n), newBackend()
	ok(t, exported{b}.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	return p, b
}

// TestTroubles is one test, so that all of it is done in one lab.
func TestTroubles(t *testing.T) {
	backendtest.NeedsLab(t, "ZFS")
	for name, test := range map[string]func(*testing.T){
		"names": locate, "sizes": sizes, "copies": copies, "in use": inUse, "not ours": notOurs, "import": importing, "build": building, "disk": disk, "no devices": noDevices, "datasets": datasets,
		"remove": removing, "degraded": degraded, "suspended": suspends, "thousand": thousand, "left": left,
	} {
		t.Run(name, test)
	}
}

// locate finds volumes by all that leads to them, and nothing else.
func locate(t *testing.T) {
	p, b := started(t, 1)
	ok(t, b.Create(t.Context(), p, volume("a b", mib), backend.CreateOptions{}))
	run(t, "zfs", "create", "-p", "-V", "1M", "tank/sub/v")
	run(t, "zfs", "create", "-V", "8M", "tank/w")
	run(t, "zfs", "create", "-V", "1M", "tank/w-part1")
	node, err := os.Readlink("/dev/zvol/tank/a+b")
	ok(t, err)
	for place, want := range map[string]string{
		"tank/v": "v", "tank/a b": "a b", "/dev/zvol/tank/v": "v", "/dev/zvol/tank/a+b": "a b", "/dev/tank/v": "v", "/dev/" + node[len("../../"):]: "a b", "/dev/zvol/tank/": "",
		"/dev/zvol/tank": "", "/dev/zvol/tank/x": "x", "/dev/zvol/tank/sub/v": "", "tank/sub/v": "", "tank": "", "v": "", "": "", "/dev/loop0": "", "/dev/null": "",
		"/dev/zvol/tank/../tank/v": "v", "/dev/zvol/other/v": "", "/dev/zvol/tank/.poolctl-1-2-3": "", "tank/v@s": "",
	} {
		if name, found := b.Locate(t.Context(), p, place); name != want || found != (want != "") {
			t.Errorf("at %q is %q, %v; want %q", place, name, found, want)
		}
	}
	if all := listed(t, b, p); all != "a b 1048576\nv 1048576\nw 8388608\nw-part1 1048576\n" {
		t.Errorf("there are\n%s", all)
	}
	backendtest.Change(t, host.Command{Name: "sfdisk", Args: []string{"--quiet", "/dev/zvol/tank/w"}, Answer: "label: dos\n2048 8"})
	run(t, "udevadm", "settle")
	err = b.Wipe(t.Context(), p, "w-part1", "zero", nil) // udev's link may lead to the partition, or to the volume
	if leads := volumeAt("/dev/zvol/tank/w-part1") == "tank/w-part1"; leads != (err == nil) {
		t.Errorf("its link leads to it: %v, error %v", leads, err)
	}
	if out := run(t, "sfdisk", "--dump", "/dev/zvol/tank/w"); !strings.Contains(out, "start=        2048") {
		t.Errorf("the other volume has %s", out)
	}
}

// listed prints all volumes and their capacities.
func listed(t *testing.T, b *Backend, p *pooldef.Pool) string {
	t.Helper()
	var text strings.Builder
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		fmt.Fprintln(&text, v.Name, v.Capacity.Bytes)
	}
	return text.String()
}

func write(t *testing.T, b *Backend, p *pooldef.Pool, name string, data []byte) {
	t.Helper()
	const path = "/run/data"
	ok(t, os.WriteFile(path, data, 0o600)) //nolint:forbidigo // the test's own
	f, err := os.Open(path)
	ok(t, err)
	defer f.Close()
	ok(t, b.Upload(t.Context(), p, name, f, backend.Transfer{}))
}

func read(t *testing.T, b *Backend, p *pooldef.Pool, name string) []byte {
	t.Helper()
	f, err := os.CreateTemp("", "")
	ok(t, err)
	defer f.Close()
	ok(t, b.Download(t.Context(), p, name, f, backend.Transfer{}))
	data, err := os.ReadFile(f.Name())
	ok(t, err)
	return data
}

// sizes are what is asked for, in whole blocks, and what it takes.
func sizes(t *testing.T) {
	p, b := started(t, 1)
	create := func(name string, size uint64, change func(d *pooldef.Volume)) *pooldef.Volume {
		t.Helper()
		d := volume(name, size)
		change(d)
		ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{}))
		v, err := b.Volume(t.Context(), p, name)
		ok(t, err)
		return v
	}
	before, err := b.Space(t.Context(), p)
	ok(t, err)
	thick := create("thick", 8*mib, func(*pooldef.Volume) {})
	after, err := b.Space(t.Context(), p)
	ok(t, err)
	if thick.Allocation.Bytes < 8*mib || after.Allocation < before.Allocation+8*mib || before.Available < after.Available+8*mib || after.Capacity < 100*mib {
		t.Errorf("of %+v are left %+v; the volume is %+v", before, after, *thick)
	}
	sparse := create("sparse", 1<<40, func(d *pooldef.Volume) { d.Allocation = pooldef.Bytes(0) })
	if sparse.Capacity.Bytes != 1<<40 || sparse.Allocation.Bytes > mib {
		t.Errorf("the sparse volume is %+v", *sparse)
	}
	some := create("some", 32*mib, func(d *pooldef.Volume) { d.Allocation = pooldef.Bytes(16 * mib) })
	if some.Allocation.Bytes < 16*mib || some.Allocation.Bytes > 17*mib {
		t.Errorf("the volume with half of its room is %+v", *some)
	}
	large := create("large blocks", 100000, func(d *pooldef.Volume) { d.Target.ClusterSize = 65536 })
	if large.Capacity.Bytes != 131072 || large.Target.ClusterSize != 65536 {
		t.Errorf("the volume of large blocks is %+v", *large)
	}
	ok(t, b.Resize(t.Context(), p, "large blocks", 131073, backend.ResizeOptions{}))
	if large, err = b.Volume(t.Context(), p, "large blocks"); err != nil || large.Capacity.Bytes != 196608 {
		t.Errorf("grown, it is %+v, error %v", large, err)
	}
	for _, blocks := range []uint64{1, 1000, 256, 32 << 20} {
		d := volume("x", mib)
		d.Target.ClusterSize = blocks
		refused[pooldef.Problems](t, "bad blocks", b.Create(t.Context(), p, d, backend.CreateOptions{}), "clusterSize")
	}
	state := snapshot(t)
	refused[*backend.StateError](t, "too large", b.Create(t.Context(), p, volume("x", 1<<40), backend.CreateOptions{}), "not enough room", "bytes available")
	refused[*backend.StateError](t, "grown too much", b.Resize(t.Context(), p, "thick", 1<<40, backend.ResizeOptions{}), "not enough room", "bytes available")
	refused[pooldef.Problems](t, "empty", b.Create(t.Context(), p, volume("x", 0), backend.CreateOptions{}), "capacity")
	if now := snapshot(t); now != state {
		t.Errorf("there was\n%s\nthere is\n%s", state, now)
	}
}

// copies share their blocks, or do not.
func copies(t *testing.T) {
	p, b := started(t, 1)
	data := backendtest.Pattern(mib, 1)
	write(t, b, p, "v", data)
	before := snapshot(t)
	d := volume("cow", 2*mib)
	d.Backing = &pooldef.VolumeTarget{Path: "/dev/zvol/tank/v"}
	ok(t, b.Create(t.Context(), p, d, backend.CreateOptions{}))
	v, err := b.Volume(t.Context(), p, "v")
	ok(t, err)
	ok(t, b.Clone(t.Context(), p, volume("shared", mib), v, backend.CloneOptions{Reflink: true}))
	for _, name := range []string{"cow", "shared"} {
		c, err := b.Volume(t.Context(), p, name)
		ok(t, err)
		if got := read(t, b, p, name); c.Backing == nil || c.Backing.Path != "/dev/zvol/tank/v" || c.Allocation.Bytes > mib/2 || !bytes.HasPrefix(got, data) {
			t.Errorf("%s is %+v, with other data", name, *c)
		}
	}
	for what, del := range map[string]func(context.Context, *pooldef.Pool, string) error{"delete": b.Delete, "with snapshots": b.DeleteWithSnapshots} {
		refused[*backend.StateError](t, what, del(t.Context(), p, "v"), "tank/cow, tank/shared")
	}
	d = volume("small", mib/2)
	d.Backing = &pooldef.VolumeTarget{Path: "v"}
	refused[*host.DoesNotFitError](t, "too small", b.Create(t.Context(), p, d, backend.CreateOptions{}))
	d.Backing.Path = "/dev/loop0"
	refused[pooldef.Problems](t, "of something else", b.Create(t.Context(), p, d, backend.CreateOptions{}), "not a volume of this pool")
	refused[*backend.UnsupportedError](t, "shared with a file", b.Clone(t.Context(), p, volume("x", mib), volumeSource(t, mib), backend.CloneOptions{Reflink: true}))
	ok(t, b.Delete(t.Context(), p, "cow"))
	ok(t, b.Delete(t.Context(), p, "shared"))
	if after := snapshot(t); after != before {
		t.Errorf("there was\n%s\nthere is\n%s", before, after)
	}
	run(t, "zfs", "snapshot", "tank/v@one")
	run(t, "zfs", "snapshot", "tank/v@two")
	refused[*backend.StateError](t, "with snapshots", b.Delete(t.Context(), p, "v"), "one, two")
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "v"))
	refused[error](t, "gone", b.DeleteWithSnapshots(t.Context(), p, "v"), "no such volume")
}

// inUse does all that a volume in use must not have done to it.
func inUse(t *testing.T) {
	p, b := started(t, 1)
	f, err := os.Open("/dev/zvol/tank/v")
	ok(t, err)
	defer f.Close()
	before := snapshot(t)
	us := fmt.Sprintf("process %d", os.Getpid())
	refused[*backend.BusyError](t, "delete", b.Delete(t.Context(), p, "v"), us)
	refused[*backend.BusyError](t, "shrink", b.Resize(t.Context(), p, "v", mib/2, backend.ResizeOptions{Shrink: true}), us)
	refused[*backend.BusyError](t, "stop", b.Stop(t.Context(), p), "volume tank/v", us)
	if after := snapshot(t); after != before {
		t.Errorf("there was\n%s\nthere is\n%s", before, after)
	}
	ok(t, b.Resize(t.Context(), p, "v", 2*mib, backend.ResizeOptions{}))
	ok(t, b.Rename(t.Context(), p, "v", "w"))
	if size, err := f.Seek(0, 2); size != 2*mib {
		t.Errorf("who has it open sees %d bytes, error %v", size, err)
	}
	f.Close()
	run(t, "zfs", "create", "-o", "mountpoint=/run/others", "tank/others")
	refused[*backend.BusyError](t, "stop under others' files", b.Stop(t.Context(), p), `mounted at "/run/others"`)
	run(t, "zfs", "unmount", "tank/others")
	ok(t, b.Stop(t.Context(), p))
}

// notOurs leaves alone what others have imported.
func notOurs(t *testing.T) {
	p, b := newPool(t, 1), newBackend()
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	for _, isActive := range []bool{false, true, false} {
		p.Started = isActive
		if active, err := b.Active(t.Context(), p); active != isActive || err != nil {
			t.Errorf("active: %v, error %v", active, err)
		}
	}
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Stop(t.Context(), p))
	if stateOf("tank") != "ONLINE" {
		t.Error("it was exported")
	}
	run(t, "zpool", "export", "tank")
	ok(t, b.Stop(t.Context(), p)) // it has gone
	run(t, "zpool", "import", "-o", "cachefile=none", "-d", devices[0], "tank")
	ok(t, b.Stop(t.Context(), p))
	if stateOf("tank") != "ONLINE" {
		t.Error("it was exported, and others had imported it")
	}
}

// importing starts what cannot be.
func importing(t *testing.T) {
	p, b := newPool(t, 2), newBackend()
	refused[*backend.StateError](t, "nothing there", b.Start(t.Context(), p), `no zpool "tank" on /dev/loop0, /dev/loop1`)
	none := *p
	none.Source.Devices = nil
	refused[*backend.StateError](t, "no devices", b.Start(t.Context(), &none), "not imported")
	missing := *p
	missing.Source.Devices = []pooldef.Device{{Path: "/dev/nosuch"}}
	if err := b.Start(t.Context(), &missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a device that is not there: error %v", err)
	}
	ok(t, exported{b}.Build(t.Context(), p, backend.BuildOptions{}))
	sub := *p
	sub.Source.Name = "tank/sub"
	refused[*backend.StateError](t, "no such dataset", b.Start(t.Context(), &sub), `no dataset "tank/sub"`)
	if stateOf("tank") != "" {
		t.Error("it is imported still")
	}
	ok(t, b.Start(t.Context(), p))
	run(t, "zfs", "create", "-V", "1M", "tank/volume")
	sub.Source.Name = "tank/volume"
	refused[*backend.StateError](t, "a volume", b.Start(t.Context(), &sub), "is a volume")
	for _, name := range []string{"", "-x", "tank/", "/tank", "tank//x", "tank/..", "tank@s", "1tank", "tank/" + strings.Repeat("n", 250)} {
		sub.Source.Name = name
		refused[pooldef.Problems](t, name, b.Start(t.Context(), &sub), "source/name")
	}
	ok(t, b.Stop(t.Context(), p))
	backendtest.Change(t, host.ZeroEnds{Path: devices[1], Length: 2 * mib})
	refused[*backend.StateError](t, "half of the devices", b.Start(t.Context(), p), "cannot import", "unavailable")
}

// building refuses what is in use, or holds anything.
func building(t *testing.T) {
	p, b := newPool(t, 2), newBackend()
	build := func(o backend.BuildOptions) error { return b.Build(t.Context(), p, o) }
	overwrite := backend.BuildOptions{Overwrite: true}
	none := *p
	none.Source.Devices = nil
	refused[pooldef.Problems](t, "no devices", b.Build(t.Context(), &none, overwrite), "source/device")
	run(t, "mkfs.ext4", "-q", devices[1])
	before := snapshot(t)
	refused[*backend.ContentError](t, "a file system", build(backend.BuildOptions{}), "ext4")
	dir := backendtest.Mount(t, devices[1])
	refused[*backend.BusyError](t, "mounted", build(overwrite), dir)
	run(t, "umount", dir)
	if after := snapshot(t); after != before {
		t.Errorf("there was\n%s\nthere is\n%s", before, after)
	}
	ok(t, build(overwrite))
	refused[*pooldef.ConflictError](t, "twice", build(overwrite), "already")
	other := *p
	other.Source.Name = "other"
	refused[error](t, "part of another", b.Build(t.Context(), &other, overwrite), "in use")
	run(t, "zpool", "export", "tank")
	refused[*backend.ContentError](t, "part of one that is exported", b.Build(t.Context(), &other, backend.BuildOptions{}), "zfs_member")
	run(t, "mount", "-t", "tmpfs", "none", dir) // what Mount undoes at the end
}

// disk gives ZFS a disk, which it divides.
func disk(t *testing.T) {
	p, b := newPool(t, 1), newBackend()
	nodes, err := filepath.Glob("/sys/class/scsi_host/" + backendtest.SCSIDebug(t, "dev_size_mb=256")[0] + "/device/target*/*/block/*")
	if err != nil || len(nodes) != 1 {
		t.Fatalf("there are %q, error %v", nodes, err)
	}
	t.Cleanup(func() { destroyAll(t) })
	sda := "/dev/" + filepath.Base(nodes[0])
	p.Source.Devices = []pooldef.Device{{Path: sda}}
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	if parts := b.partitions(sda); len(parts) != 2 {
		t.Errorf("it has %q", parts)
	}
	other := *p
	other.Source.Name = "other"
	refused[*backend.BusyError](t, "in use", b.Build(t.Context(), &other, backend.BuildOptions{Overwrite: true}))
	run(t, "zpool", "export", "tank")
	refused[*backend.ContentError](t, "exported", b.Build(t.Context(), &other, backend.BuildOptions{}), "gpt")
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Stop(t.Context(), p))
	ok(t, b.Remove(t.Context(), p))
	if found, err := host.Signatures(t.Context(), &host.Local{}, sda); len(found) > 0 || err != nil {
		t.Errorf("left on it is %s, error %v", host.Words(found), err)
	}
}

// noDevices has volumes without.
func noDevices(t *testing.T) {
	p, b := started(t, 1)
	run(t, "zfs", "set", "volmode=none", "tank")
	ok(t, b.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}))
	ok(t, b.Rename(t.Context(), p, "w", "x"))
	refused[*backend.StateError](t, "download", b.Download(t.Context(), p, "x", nil, backend.Transfer{}), "no device")
	refused[*backend.StateError](t, "clone", b.Clone(t.Context(), p, volume("y", mib), volumeSource(t, mib), backend.CloneOptions{}), "volmode=none")
	ok(t, b.Resize(t.Context(), p, "x", mib/2, backend.ResizeOptions{Shrink: true}))
	ok(t, b.Delete(t.Context(), p, "x"))
	if all := listed(t, b, p); all != "v 1048576\n" {
		t.Errorf("there are\n%s", all)
	}
}

// datasets are pools in a zpool, beside each other.
func datasets(t *testing.T) {
	p, b := started(t, 1)
	sub, deep := *p, *p
	sub.Source, deep.Source = pooldef.Source{Name: "tank/sub"}, pooldef.Source{Name: "tank/sub/deep/er"}
	refused[*backend.StateError](t, "not there", b.Start(t.Context(), &sub), `no dataset "tank/sub"`)
	refused[*backend.StateError](t, "nothing above it", b.Build(t.Context(), &deep, backend.BuildOptions{}), "above")
	ok(t, b.Build(t.Context(), &sub, backend.BuildOptions{}))
	refused[*pooldef.ConflictError](t, "twice", b.Build(t.Context(), &sub, backend.BuildOptions{}), "already")
	ok(t, b.Start(t.Context(), &sub))
	ok(t, b.Create(t.Context(), &sub, volume("v", 2*mib), backend.CreateOptions{}))
	run(t, "zfs", "set", "quota=32M", "tank/sub")
	if space, err := b.Space(t.Context(), &sub); err != nil || space.Capacity != 32*mib || space.Allocation < 2*mib {
		t.Errorf("its space is %+v, error %v", space, err)
	}
	if all := listed(t, b, p) + listed(t, b, &sub); all != "v 1048576\nv 2097152\n" {
		t.Errorf("there are\n%s", all)
	}
	refused[*backend.StateError](t, "a name that is taken", b.Create(t.Context(), p, volume("x", 1<<40), backend.CreateOptions{}))
	if err := b.Create(t.Context(), p, volume("sub", mib), backend.CreateOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a name that a dataset has: error %v", err)
	}
	refused[*backend.StateError](t, "remove", b.Remove(t.Context(), &sub), `"tank/sub" is not empty`, "v")
	ok(t, b.Delete(t.Context(), &sub, "v"))
	ok(t, b.Stop(t.Context(), &sub))
	ok(t, b.Remove(t.Context(), &sub))
	refused[*backend.StateError](t, "remove what has gone", b.Remove(t.Context(), &sub), "no dataset")
}

// removing keeps what could be lost.
func removing(t *testing.T) {
	p, b := started(t, 1)
	left := func(what string, words ...string) {
		t.Helper()
		before := snapshot(t)
		refused[error](t, what, b.Remove(t.Context(), p), words...)
		if after := snapshot(t); after != before {
			t.Errorf("%s: there was\n%s\nthere is\n%s", what, before, after)
		}
	}
	left("a volume", "not empty", "v")
	ok(t, b.Stop(t.Context(), p))
	p.Started = false
	left("a volume, exported", "not empty", "v")
	ok(t, b.Start(t.Context(), p))
	ok(t, b.Delete(t.Context(), p, "v"))
	run(t, "zfs", "snapshot", "tank@s")
	left("a snapshot", "tank@s")
	run(t, "zfs", "destroy", "tank@s")
	run(t, "zfs", "set", "mountpoint=/run/tank", "tank")
	left("files, mounted", `mounted at "/run/tank"`)
	run(t, "zfs", "unmount", "tank")
	left("files", "/run/tank", "files")
	run(t, "zfs", "set", "mountpoint=none", "tank")
	ok(t, b.Remove(t.Context(), p))
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{})) // nothing of it is left
}

// broken returns a device over another that can be made to fail, and how.
func broken(t *testing.T, device string) (path string, fail func(bool)) {
	t.Helper()
	const sectors, name = "0 500000 ", "broken"
	run(t, "modprobe", "dm-mod")
	run(t, "dmsetup", "create", name, "--table", sectors+"linear "+device+" 0")
	fail = func(failing bool) {
		t.Helper()
		table := sectors + "linear " + device + " 0"
		if failing {
			table = sectors + "error"
		}
		run(t, "dmsetup", "reload", name, "--table", table)
		run(t, "dmsetup", "resume", name)
	}
	t.Cleanup(func() {
		fail(false)
		_, _ = new(host.Local).Query(context.Background(), host.Cmd("zpool", "clear", "tank"))
		destroyAll(t)
		run(t, "dmsetup", "remove", "--retry", name)
	})
	return "/dev/mapper/" + name, fail
}

// degraded lets one of two devices fail. Everything goes on.
func degraded(t *testing.T) {
	p, b := newPool(t, 1), newBackend()
	device, fail := broken(t, devices[1])
	run(t, "zpool", "create", "-m", "none", "tank", "mirror", devices[0], device)
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	fail(true)
	data := backendtest.Pattern(mib, 1)
	write(t, b, p, "v", data)
	run(t, "zpool", "scrub", "-w", "tank")
	if state := stateOf("tank"); state != "DEGRADED" {
		t.Fatalf("it is %s", state)
	}
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
	ok(t, b.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}))
	if !bytes.Equal(read(t, b, p, "v"), data) {
		t.Error("other data")
	}
	ok(t, b.Delete(t.Context(), p, "v"))
	fail(false)
}

// suspends lets the only device fail. Everything has an answer in time; what is interrupted leaves nothing.
func suspends(t *testing.T) {
	p, b := newPool(t, 1), New(&host.Local{}, nil, 2*time.Second)
	device, fail := broken(t, devices[0])
	p.Source.Devices[0].Path = device
	ok(t, exported{b}.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	before := snapshot(t)
	fail(true)
	inTime := func(what string, do func() error) {
		t.Helper()
		begin := time.Now()
		refused[*backend.StateError](t, what, do(), `the zpool "tank" is suspended`)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s took %v", what, took)
		}
	}
	inTime("create", func() error { return b.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}) })
	inTime("delete", func() error { return b.Delete(t.Context(), p, "v") })
	inTime("list", func() error {
		for _, err := range b.Volumes(t.Context(), p) {
			return err
		}
		return nil
	})
	inTime("download", func() error { return b.Download(t.Context(), p, "v", nil, backend.Transfer{}) })
	inTime("stop", func() error { return b.Stop(t.Context(), p) })
	inTime("space", func() error { _, err := b.Space(t.Context(), p); return err })
	if active, err := b.Active(t.Context(), p); !active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
	fail(false)
	run(t, "zpool", "clear", "tank")
	_, err := b.Sweep(t.Context(), p)
	ok(t, err)
	if after := snapshot(t); after != before {
		t.Errorf("there was\n%s\nthere is\n%s", before, after)
	}
	ok(t, b.Delete(t.Context(), p, "v"))
	ok(t, b.Stop(t.Context(), p))
}

// A counter counts the questions.
type counter struct {
	host.Host
	asked []string
}

func (c *counter) Query(ctx context.Context, q host.Command) ([]byte, error) {
	c.asked = append(c.asked, q.Name)
	return c.Host.Query(ctx, q)
}

// thousand answers with a thousand volumes, in one question.
func thousand(t *testing.T) {
	var text strings.Builder
	fmt.Fprint(&text, "tank\tfilesystem\t1\t-\t-\t0\t1000\t2000\t-\tnone\tdefault\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "tank/v%d\tvolume\t%d\t%d\t8192\tnone\t12288\t2000\t-\t-\tdefault\n", i, i+2, mib)
	}
	l, err := parse("tank", text.String())
	if err != nil || len(l.children) != 1000 || l.children[999].size != mib || l.used != 1000 {
		t.Errorf("error %v", err)
	}
	p, _ := started(t, 1)
	c := &counter{Host: &host.Local{}}
	b := New(&host.Once{Host: c}, nil, 10*time.Second)
	for what, ask := range map[string]func() error{
		"active": func() error { _, err := b.Active(t.Context(), p); return err },
		"space":  func() error { _, err := b.Space(t.Context(), p); return err },
		"volume": func() error { _, err := b.Volume(t.Context(), p, "v"); return err },
		"details": func() error {
			for _, err := range b.Details(t.Context(), p) {
				ok(t, err)
			}
			return nil
		},
	} {
		ok(t, ask())
		if asked := strings.Join(c.asked, " "); asked != "" && asked != "zfs" {
			t.Errorf("%s: asked %q", what, asked)
		}
	}
}

// left sweeps what killed processes have left, and nothing else.
func left(t *testing.T) {
	p, b := started(t, 1)
	shared := volume("shared", mib)
	shared.Backing = &pooldef.VolumeTarget{Path: "v"}
	ok(t, b.Create(t.Context(), p, shared, backend.CreateOptions{}))
	run(t, "zfs", "snapshot", "tank/v@.poolctl-99999999-1-4") // as if it had been for a volume that is there, made by a process that has ended
	run(t, "zfs", "clone", "tank/v@.poolctl-99999999-1-4", "tank/whole")
	run(t, "zfs", "destroy", "-d", "tank/v@.poolctl-99999999-1-4")
	before := snapshot(t)
	const dead = ".poolctl-99999999-1-1"
	run(t, "zfs", "snapshot", "tank/v@"+dead)
	run(t, "zfs", "clone", "tank/v@"+dead, "tank/"+dead)
	run(t, "zfs", "create", "-V", "1M", "tank/.poolctl-99999999-1-2")
	run(t, "zfs", "snapshot", "tank/v@.poolctl-99999999-1-3")
	if all := listed(t, b, p); all != "shared 1048576\nv 1048576\nwhole 1048576\n" {
		t.Errorf("there are\n%s", all)
	}
	swept, err := b.Sweep(t.Context(), p)
	ok(t, err)
	if after := snapshot(t); after != before || len(swept) != 4 {
		t.Errorf("swept is %q; there was\n%s\nthere is\n%s", swept, before, after)
	}
}
