package zfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// broken returns a device-mapper device over another device, and a function that makes it fail or work.
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

// degraded makes one of two devices fail. Everything works.
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
	if state := stateOf(&host.Local{}, "tank"); state != "DEGRADED" {
		t.Fatalf("got %s", state)
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

// lacking starts a zpool one of whose two devices is empty, or does not exist.
func lacking(t *testing.T) {
	p, b := newPool(t, 2), newBackend()
	run(t, "zpool", "create", "-m", "none", "tank", "mirror", devices[0], devices[1])
	run(t, "zfs", "create", "-V", "1M", "tank/v")
	run(t, "zpool", "export", "tank")
	warned := func(what string, err error) {
		t.Helper()
		if warning, ok := errors.AsType[*backend.Warning](err); !ok ||
			!strings.Contains(warning.Text, "is degraded") {
			t.Fatalf("%s: error %v", what, err)
		}
		p.Started = true
		ok(t, b.Create(t.Context(), p, volume("w", mib), backend.CreateOptions{}))
		ok(t, b.Delete(t.Context(), p, "w"))
		ok(t, b.Stop(t.Context(), p))
		p.Started = false
	}
	backendtest.Change(t, host.ZeroEnds{Path: devices[1], Length: 2 * mib})
	warned("a device is empty", b.Start(t.Context(), p))
	p.Source.Devices[1].Path = "/dev/nowhere"
	refused[*backend.StateError](t, "a device does not exist", b.Start(t.Context(), p), "/dev/nowhere")
	missing, err := b.StartDegraded(t.Context(), p)
	warned("degraded", err)
	if missing != nil {
		t.Errorf("missing %v", missing)
	}
	p.Source.Devices[0].Path = "/dev/neither"
	_, err = b.StartDegraded(t.Context(), p)
	refused[*backend.StateError](t, "no device exists", err, "none of the devices")
}

// suspends makes the only device fail. Every operation still returns, and interrupted operations leave
// nothing.
func suspends(t *testing.T) {
	p, b := newPool(t, 1), newBackend()
	device, fail := broken(t, devices[0])
	p.Source.Devices[0].Path = device
	ok(t, exported{b}.Build(t.Context(), p, backend.BuildOptions{}))
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Create(t.Context(), p, volume("v", mib), backend.CreateOptions{}))
	before := snapshot(t)
	fail(true)
	b = New(&host.Local{}, nil, 2*time.Second)
	inTime := func(what string, do func() error) {
		t.Helper()
		refused[*backend.StateError](t, what, do(), `the zpool "tank" is suspended`)
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
	b = newBackend()
	_, err := b.RemoveStale(t.Context(), p)
	ok(t, err)
	if after := snapshot(t); after != before {
		t.Errorf("state before\n%s\nstate after\n%s", before, after)
	}
	ok(t, b.Delete(t.Context(), p, "v"))
	ok(t, b.Stop(t.Context(), p))
}

// A counter records queries.
type counter struct {
	host.Host
	asked []string
}

func (c *counter) Query(ctx context.Context, q host.Command) ([]byte, error) {
	c.asked = append(c.asked, q.Name)
	return c.Host.Query(ctx, q)
}

// thousand lists a thousand volumes with one query, and all snapshots of a pool.
func thousand(t *testing.T) {
	var text strings.Builder
	fmt.Fprint(&text, "tank\tfilesystem\t1\t-\t-\t0\t1000\t2000\t-\tnone\tdefault\t1796000000\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "tank/v%d\tvolume\t%d\t%d\t8192\tnone\t12288\t2000\t-\t-\tdefault\t1796000000\n", i, i+2, mib)
	}
	l, err := parse("tank", text.String())
	if err != nil || len(l.children) != 1000 || l.children[999].size != mib || l.used != 1000 {
		t.Errorf("error %v", err)
	}
	p, _ := started(t, 1)
	c := &counter{Host: &host.Local{}}
	b := New(&host.CachedHost{Host: c}, nil, far)
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
	for _, name := range []string{"a", "b", "c"} {
		run(t, "zfs", "snapshot", "tank/v@"+name)
	}
	c.asked = nil
	all, err := b.Snapshots(t.Context(), p, "")
	if len(all) != 3 || err != nil || strings.Join(c.asked, " ") != "zfs" {
		t.Errorf("%d snapshots, error %v; asked %q", len(all), err, c.asked)
	}
}

// left removes leftovers of killed processes, and nothing else.
func left(t *testing.T) {
	p, b := started(t, 1)
	shared := volume("shared", mib)
	shared.Backing = &pooldef.VolumeTarget{Path: "v"}
	ok(t, b.Create(t.Context(), p, shared, backend.CreateOptions{}))
	_, err := b.Hold(t.Context(), p, "v") // a move could not delete it after the copy
	refused[*backend.StateError](t, "hold the origin of a clone", err, "tank/shared")
	// like the snapshot of a finished clone whose process has ended
	run(t, "zfs", "snapshot", "tank/v@.poolctl-99999999-1-4")
	run(t, "zfs", "clone", "tank/v@.poolctl-99999999-1-4", "tank/whole")
	run(t, "zfs", "destroy", "-d", "tank/v@.poolctl-99999999-1-4")
	before := snapshot(t)
	const dead = ".poolctl-99999999-1-1"
	run(t, "zfs", "snapshot", "tank/v@"+dead)
	run(t, "zfs", "clone", "tank/v@"+dead, "tank/"+dead)
	run(t, "zfs", "create", "-V", "1M", "tank/.poolctl-99999999-1-2")
	run(t, "zfs", "snapshot", "tank/v@.poolctl-99999999-1-3")
	if all := listed(t, b, p); all != "shared 1048576\nv 1048576\nwhole 1048576\n" {
		t.Errorf("got\n%s", all)
	}
	removed, err := b.RemoveStale(t.Context(), p)
	ok(t, err)
	if after := snapshot(t); after != before || len(removed) != 4 {
		t.Errorf("removed %q; state before\n%s\nstate after\n%s", removed, before, after)
	}
}
