package mpath

import (
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

// twoPaths creates two units, each connected to two hosts, and starts multipathd, which creates their maps.
func twoPaths(t *testing.T) *Backend {
	t.Helper()
	hosts := backendtest.SCSIDebug(
		t, "add_host=2", "num_tgts=1", "vpd_use_hostno=0", "dev_size_mb=16", "max_luns=2",
	)
	ok(
		t,
		os.WriteFile(
			"/etc/multipath.conf",
			[]byte(
				"defaults {\n user_friendly_names yes\n find_multipaths no\n polling_interval 1\n "+
					"max_polling_interval 1\n}\n",
			), 0o644,
		),
	)
	backendtest.Change(t, host.Cmd("modprobe", "-a", "dm-multipath", "dm-service-time"), host.Cmd("multipathd"))
	t.Cleanup(func() {
		backendtest.Eventually(
			t, "the maps are removed",
			func() bool { return new(host.Local).Change(context.Background(), host.Cmd("multipath", "-F")) == nil },
		)
		backendtest.Change(t, host.Cmd("multipathd", "shutdown"))
	})
	b := New(&host.Local{}, nil)
	backendtest.Eventually(
		t, "there are two maps of "+fmt.Sprint(hosts), func() bool { return len(states(t, b)) == 2 },
	)
	return b
}

// states returns the states of the paths of each volume with two paths.
func states(t *testing.T, b *Backend) map[string]string {
	t.Helper()
	all := map[string]string{}
	for v, err := range b.Details(t.Context(), pool) {
		ok(t, err)
		if len(v.Paths) != 2 || v.Err != nil {
			continue
		}
		text := ""
		for _, p := range v.Paths {
			text += fmt.Sprintf("%s %s %s %s %d; ", p.Device, p.State, p.DeviceState, p.Checker, p.Group)
		}
		all[v.Name] = text
	}
	return all
}

func TestLab(t *testing.T) {
	b := twoPaths(t)
	t.Run("Conformance", func(t *testing.T) {
		backendtest.Run(t, backendtest.Options{
			New:      func(h host.Host) backend.Backend { return New(h, nil) },
			Pool:     func(*testing.T) *pooldef.Pool { return pool },
			Existing: 2,
			Snapshot: func(t *testing.T, _ *pooldef.Pool) string { return fmt.Sprint(states(t, b)) },
		})
	})
	t.Run("Trace", func(t *testing.T) {
		var trace strings.Builder
		for v, err := range New(host.NewTrace(b.Host, &trace), nil).Details(t.Context(), pool) {
			ok(t, err)
			if v.Capacity.Bytes != 16<<20 || v.Target.Permissions.Mode == nil {
				t.Errorf("%+v", v)
			}
		}
		if trace.String() != "? multipathd show maps json\n" {
			t.Errorf("queries: %s", trace.String())
		}
	})
	t.Run("PathLost", func(t *testing.T) {
		before := fmt.Sprint(states(t, b))
		v, err := b.Volume(t.Context(), pool, "dm-0")
		ok(t, err)
		lost := v.Paths[1].Device
		ok(t, os.WriteFile("/sys/block/"+lost+"/device/state", []byte("offline\n"), 0))
		backendtest.Eventually(
			t, lost+" is seen as lost",
			func() bool { return strings.Contains(fmt.Sprint(states(t, b)), lost+" failed offline") },
		)
		f, err := os.Create(t.TempDir() + "/data")
		ok(t, err)
		defer f.Close()
		for _, name := range []string{"dm-0", "dm-1"} {
			ok(t, b.Download(t.Context(), pool, name, f, backend.Transfer{Length: 4096}))
		}
		ok(t, os.WriteFile("/sys/block/"+lost+"/device/state", []byte("running\n"), 0))
		backendtest.Eventually(t, "it is back", func() bool { return fmt.Sprint(states(t, b)) == before })
	})
	t.Run("InUse", func(t *testing.T) {
		backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "/dev/mapper/mpatha"))
		backendtest.Mount(t, "/dev/mapper/mpatha")
		v, err := b.Volume(t.Context(), pool, "dm-0")
		ok(t, err)
		if v.Target.Path != "/dev/mapper/mpatha" {
			t.Fatalf("%+v", v)
		}
		if err := b.Wipe(t.Context(), pool, "dm-0", "zero", nil); err == nil {
			t.Error("a mounted map was wiped")
		}
	})
}
