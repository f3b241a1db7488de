package zfs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// started returns a built, exported and started pool with a volume v.
func started(t *testing.T, n int) (*pooldef.Pool, *Backend) {
	t.Helper()
	p, b := newPool(t, n), newBackend()
	ok(t, exported{b}.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	return p, b
}

// TestTroubles combines tests that share one lab.
func TestTroubles(t *testing.T) {
	backendtest.NeedsLab(t, "ZFS")
	for name, test := range map[string]func(*testing.T){
		"names": locate, "sizes": sizes, "copies": copies, "in use": inUse, "not ours": notOurs,
		"import": importing, "build": building, "disk": disk, "no devices": noDevices, "datasets": datasets,
		"remove": removing, "degraded": degraded, "lacking": lacking, "suspended": suspends, "thousand": thousand,
		"left": left,
	} {
		t.Run(name, test)
	}
}

// locate finds volumes by every supported path and key, and by no other.
func locate(t *testing.T) {
	p, b := started(t, 1)
	ok(t, b.Create(t.Context(), p, volume("a b", mib), backend.CreateOptions{}))
	run(t, "zfs", "create", "-p", "-V", "1M", "tank/sub/v")
	run(t, "zfs", "create", "-V", "8M", "tank/w")
	run(t, "zfs", "create", "-V", "1M", "tank/w-part1")
	node, err := os.Readlink("/dev/zvol/tank/a+b")
	ok(t, err)
	for place, want := range map[string]string{
		"tank/v": "v", "tank/a b": "a b", "/dev/zvol/tank/v": "v", "/dev/zvol/tank/a+b": "a b", "/dev/tank/v": "v",
		"/dev/" + node[len("../../"):]: "a b", "/dev/zvol/tank/": "",
		"/dev/zvol/tank": "", "/dev/zvol/tank/x": "x", "/dev/zvol/tank/sub/v": "", "tank/sub/v": "", "tank": "",
		"v": "", "": "", "/dev/loop0": "", "/dev/null": "",
		"/dev/zvol/tank/../tank/v": "v", "/dev/zvol/other/v": "", "/dev/zvol/tank/.poolctl-1-2-3": "",
		"tank/v@s": "",
	} {
		if name, found := b.Locate(t.Context(), p, place); name != want || found != (want != "") {
			t.Errorf("Locate(%q) = %q, %v; want %q", place, name, found, want)
		}
	}
	if all := listed(t, b, p); all != "a b 1048576\nv 1048576\nw 8388608\nw-part1 1048576\n" {
		t.Errorf("got\n%s", all)
	}
	backendtest.Change(
		t, host.Command{Name: "sfdisk", Args: []string{"--quiet", "/dev/zvol/tank/w"}, Stdin: "label: dos\n2048 8"},
	)
	run(t, "udevadm", "settle")
	// udev's link may point to the partition or to the volume
	err = b.Wipe(t.Context(), p, "w-part1", "zero", nil)
	if leads := new(host.Local).Zvol("/dev/zvol/tank/w-part1") == "tank/w-part1"; leads != (err == nil) {
		t.Errorf("the link leads to the volume: %v, error %v", leads, err)
	}
	if out := run(t, "sfdisk", "--dump", "/dev/zvol/tank/w"); !strings.Contains(out, "start=        2048") {
		t.Errorf("the other volume: %s", out)
	}
}

// listed returns all volumes and their capacities as text.
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
	ok(t, os.WriteFile(path, data, 0o600))
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

// sizes compares requested sizes with the resulting block counts and allocation.
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
	if thick.Allocation.Bytes < 8*mib || after.Allocation < before.Allocation+8*mib ||
		before.Available < after.Available+8*mib || after.Capacity < 100*mib {
		t.Errorf("space before %+v, after %+v; volume %+v", before, after, *thick)
	}
	sparse := create("sparse", 1<<40, func(d *pooldef.Volume) { d.Allocation = pooldef.Bytes(0) })
	if sparse.Capacity.Bytes != 1<<40 || sparse.Allocation.Bytes > mib {
		t.Errorf("the sparse volume: %+v", *sparse)
	}
	some := create("some", 32*mib, func(d *pooldef.Volume) { d.Allocation = pooldef.Bytes(16 * mib) })
	if some.Allocation.Bytes < 16*mib || some.Allocation.Bytes > 17*mib {
		t.Errorf("the half-reserved volume: %+v", *some)
	}
	large := create("large blocks", 100000, func(d *pooldef.Volume) { d.Target.ClusterSize = 65536 })
	if large.Capacity.Bytes != 131072 || large.Target.ClusterSize != 65536 {
		t.Errorf("the volume with large blocks: %+v", *large)
	}
	ok(t, b.Resize(t.Context(), p, "large blocks", 131073, backend.ResizeOptions{}))
	if large, err = b.Volume(t.Context(), p, "large blocks"); err != nil || large.Capacity.Bytes != 196608 {
		t.Errorf("after growing: %+v, error %v", large, err)
	}
	for _, blocks := range []uint64{1, 1000, 256, 32 << 20} {
		d := volume("x", mib)
		d.Target.ClusterSize = blocks
		refused[pooldef.Problems](
			t, "bad blocks", b.Create(t.Context(), p, d, backend.CreateOptions{}), "clusterSize",
		)
	}
	state := snapshot(t)
	refused[*backend.StateError](
		t, "too large", b.Create(t.Context(), p, volume("x", 1<<40), backend.CreateOptions{}), "not enough space",
		"bytes available",
	)
	refused[*backend.StateError](
		t, "grown too much", b.Resize(t.Context(), p, "thick", 1<<40, backend.ResizeOptions{}), "not enough space",
		"bytes available",
	)
	refused[pooldef.Problems](
		t, "empty", b.Create(t.Context(), p, volume("x", 0), backend.CreateOptions{}), "capacity",
	)
	if now := snapshot(t); now != state {
		t.Errorf("state before\n%s\nstate after\n%s", state, now)
	}
}

// copies makes copies that share blocks, and copies that do not.
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
		if got := read(t, b, p, name); c.Backing == nil || c.Backing.Path != "/dev/zvol/tank/v" ||
			c.Allocation.Bytes > mib/2 || !bytes.HasPrefix(got, data) {
			t.Errorf("%s has other data: %+v", name, *c)
		}
	}
	for what, del := range map[string]func(
		context.Context, *pooldef.Pool, string,
	) error{"delete": b.Delete, "with snapshots": b.DeleteWithSnapshots} {
		refused[*backend.StateError](t, what, del(t.Context(), p, "v"), "tank/cow, tank/shared")
	}
	d = volume("small", mib/2)
	d.Backing = &pooldef.VolumeTarget{Path: "v"}
	refused[*host.DoesNotFitError](t, "too small", b.Create(t.Context(), p, d, backend.CreateOptions{}))
	d.Backing.Path = "/dev/loop0"
	refused[pooldef.Problems](
		t, "of something else", b.Create(t.Context(), p, d, backend.CreateOptions{}), "is not in this pool",
	)
	refused[*backend.UnsupportedError](
		t, "shared with a file",
		b.Clone(t.Context(), p, volume("x", mib), volumeSource(t, mib), backend.CloneOptions{Reflink: true}),
	)
	ok(t, b.Delete(t.Context(), p, "cow"))
	ok(t, b.Delete(t.Context(), p, "shared"))
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	run(t, "zfs", "snapshot", "tank/v@one")
	run(t, "zfs", "snapshot", "tank/v@two")
	refused[*backend.StateError](t, "with snapshots", b.Delete(t.Context(), p, "v"), "one, two")
	ok(t, b.DeleteWithSnapshots(t.Context(), p, "v"))
	refused[error](t, "gone", b.DeleteWithSnapshots(t.Context(), p, "v"), "Storage volume not found")
}

// inUse tries every operation that must not affect a volume in use.
func inUse(t *testing.T) {
	p, b := started(t, 1)
	f, err := os.Open("/dev/zvol/tank/v")
	ok(t, err)
	defer f.Close()
	before := snapshot(t)
	us := fmt.Sprintf("process %d", os.Getpid())
	refused[*backend.BusyError](t, "delete", b.Delete(t.Context(), p, "v"), us)
	refused[*backend.BusyError](
		t, "shrink", b.Resize(t.Context(), p, "v", mib/2, backend.ResizeOptions{Shrink: true}), us,
	)
	refused[*backend.BusyError](t, "stop", b.Stop(t.Context(), p), "volume tank/v", us)
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	ok(t, b.Resize(t.Context(), p, "v", 2*mib, backend.ResizeOptions{}))
	ok(t, b.Rename(t.Context(), p, "v", "w"))
	if size, err := f.Seek(0, 2); size != 2*mib {
		t.Errorf("an open descriptor sees %d bytes, error %v", size, err)
	}
	f.Close()
	run(t, "zfs", "create", "-o", "mountpoint=/run/others", "tank/others")
	refused[*backend.BusyError](
		t, "stop under others' files", b.Stop(t.Context(), p), `mounted at "/run/others"`,
	)
	run(t, "zfs", "unmount", "tank/others")
	ok(t, b.Stop(t.Context(), p))
}

// noDevices uses volumes without devices.
func noDevices(t *testing.T) {
	p, b := started(t, 1)
	run(t, "zfs", "set", "volmode=none", "tank")
	ok(t, b.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}))
	ok(t, b.Rename(t.Context(), p, "w", "x"))
	refused[*backend.StateError](
		t, "download", b.Download(t.Context(), p, "x", nil, backend.Transfer{}), "no device",
	)
	refused[*backend.StateError](
		t, "clone", b.Clone(t.Context(), p, volume("y", mib), volumeSource(t, mib), backend.CloneOptions{}),
		"volmode=none",
	)
	ok(t, b.Resize(t.Context(), p, "x", mib/2, backend.ResizeOptions{Shrink: true}))
	ok(t, b.Delete(t.Context(), p, "x"))
	if all := listed(t, b, p); all != "v 1048576\n" {
		t.Errorf("got\n%s", all)
	}
}
