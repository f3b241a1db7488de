package zfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// notOurs checks that zpools which other programs imported stay imported.
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
	if stateOf(&host.Local{}, "tank") != "ONLINE" {
		t.Error("exported")
	}
	run(t, "zpool", "export", "tank")
	ok(t, b.Stop(t.Context(), p)) // already exported
	run(t, "zpool", "import", "-o", "cachefile=none", "-d", devices[0], "tank")
	ok(t, b.Stop(t.Context(), p))
	if stateOf(&host.Local{}, "tank") != "ONLINE" {
		t.Error("a zpool that another program imported was exported")
	}
}

// importing starts pools that cannot be imported.
func importing(t *testing.T) {
	p, b := newPool(t, 2), newBackend()
	refused[*backend.StateError](
		t, "nothing there", b.Start(t.Context(), p), `no zpool "tank" on /dev/loop0, /dev/loop1`,
	)
	none := *p
	none.Source.Devices = nil
	refused[*backend.StateError](t, "no devices", b.Start(t.Context(), &none), "not imported")
	missing := *p
	missing.Source.Devices = []pooldef.Device{{Path: "/dev/nosuch"}}
	if err := b.Start(t.Context(), &missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing device: error %v", err)
	}
	ok(t, exported{b}.Build(t.Context(), p, backend.BuildOptions{}))
	sub := *p
	sub.Source.Name = "tank/sub"
	refused[*backend.StateError](t, "no such dataset", b.Start(t.Context(), &sub), `no dataset "tank/sub"`)
	if stateOf(&host.Local{}, "tank") != "" {
		t.Error("still imported")
	}
	ok(t, b.Start(t.Context(), p))
	run(t, "zfs", "create", "-V", "1M", "tank/volume")
	sub.Source.Name = "tank/volume"
	refused[*backend.StateError](t, "a volume", b.Start(t.Context(), &sub), "is a volume")
	for _, name := range []string{
		"", "-x", "tank/", "/tank", "tank//x", "tank/..", "tank@s", "1tank", "tank/" + strings.Repeat("n", 250),
	} {
		sub.Source.Name = name
		refused[pooldef.Problems](t, name, b.Start(t.Context(), &sub), "source/name")
	}
	ok(t, b.Stop(t.Context(), p))
	backendtest.Change(t, host.ZeroEnds{Path: devices[1], Length: 2 * mib})
	refused[*backend.StateError](
		t, "half of the devices", b.Start(t.Context(), p), "cannot import", "unavailable",
	)
}

// building checks that devices in use or with content are refused.
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
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	ok(t, build(overwrite))
	refused[*pooldef.ConflictError](t, "twice", build(overwrite), "already")
	other := *p
	other.Source.Name = "other"
	refused[error](t, "part of another", b.Build(t.Context(), &other, overwrite), "in use")
	run(t, "zpool", "export", "tank")
	refused[*backend.ContentError](
		t, "part of one that is exported", b.Build(t.Context(), &other, backend.BuildOptions{}), "zfs_member",
	)
	run(t, "mount", "-t", "tmpfs", "none", dir) // the test's cleanup unmounts it
}

// disk builds a zpool on a whole disk, which ZFS divides.
func disk(t *testing.T) {
	p, b := newPool(t, 1), newBackend()
	nodes, err := filepath.Glob(
		"/sys/class/scsi_host/" + backendtest.SCSIDebug(t, "dev_size_mb=256")[0] + "/device/target*/*/block/*",
	)
	if err != nil || len(nodes) != 1 {
		t.Fatalf("got %q, error %v", nodes, err)
	}
	t.Cleanup(func() { destroyAll(t) })
	sda := "/dev/" + filepath.Base(nodes[0])
	p.Source.Devices = []pooldef.Device{{Path: sda}}
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{}))
	if parts := b.partitions(sda); len(parts) != 2 {
		t.Errorf("got %q", parts)
	}
	other := *p
	other.Source.Name = "other"
	refused[*backend.BusyError](t, "in use", b.Build(t.Context(), &other, backend.BuildOptions{Overwrite: true}))
	run(t, "zpool", "export", "tank")
	refused[*backend.ContentError](t, "exported", b.Build(t.Context(), &other, backend.BuildOptions{}), "gpt")
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Stop(t.Context(), p))
	ok(t, b.DeletePool(t.Context(), p))
	if found, err := host.Signatures(t.Context(), &host.Local{}, sda); len(found) > 0 || err != nil {
		t.Errorf("content left: %s, error %v", host.Words(found), err)
	}
}

// datasets uses several datasets of one zpool as pools.
func datasets(t *testing.T) {
	p, b := started(t, 1)
	sub, deep := *p, *p
	sub.Source, deep.Source = pooldef.Source{Name: "tank/sub"}, pooldef.Source{Name: "tank/sub/deep/er"}
	refused[*backend.StateError](t, "not there", b.Start(t.Context(), &sub), `no dataset "tank/sub"`)
	refused[*backend.StateError](
		t, "nothing above it", b.Build(t.Context(), &deep, backend.BuildOptions{}), "above",
	)
	ok(t, b.Build(t.Context(), &sub, backend.BuildOptions{}))
	refused[*pooldef.ConflictError](t, "twice", b.Build(t.Context(), &sub, backend.BuildOptions{}), "already")
	ok(t, b.Start(t.Context(), &sub))
	ok(t, b.Create(t.Context(), &sub, volume("v", 2*mib), backend.CreateOptions{}))
	run(t, "zfs", "set", "quota=32M", "tank/sub")
	if space, err := b.Space(t.Context(), &sub); err != nil || space.Capacity != 32*mib ||
		space.Allocation < 2*mib {
		t.Errorf("space %+v, error %v", space, err)
	}
	if all := listed(t, b, p) + listed(t, b, &sub); all != "v 1048576\nv 2097152\n" {
		t.Errorf("got\n%s", all)
	}
	refused[*backend.StateError](
		t, "a name that is taken", b.Create(t.Context(), p, volume("x", 1<<40), backend.CreateOptions{}),
	)
	if err := b.Create(
		t.Context(), p, volume("sub", mib), backend.CreateOptions{},
	); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a name of a dataset: error %v", err)
	}
	refused[*backend.StateError](t, "remove", b.DeletePool(t.Context(), &sub), `"tank/sub" is not empty`, "v")
	ok(t, b.Delete(t.Context(), &sub, "v"))
	ok(t, b.Stop(t.Context(), &sub))
	ok(t, b.DeletePool(t.Context(), &sub))
	refused[*backend.StateError](t, "remove what has gone", b.DeletePool(t.Context(), &sub), "no dataset")
}

// removing checks that DeletePool refuses to delete data.
func removing(t *testing.T) {
	p, b := started(t, 1)
	left := func(what string, words ...string) {
		t.Helper()
		before := snapshot(t)
		refused[error](t, what, b.DeletePool(t.Context(), p), words...)
		if after := snapshot(t); after != before {
			t.Errorf("%s: state before\n%s\nstate after\n%s", what, before, after)
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
	ok(t, b.DeletePool(t.Context(), p))
	ok(t, b.Build(t.Context(), p, backend.BuildOptions{})) // DeletePool left no labels
}
