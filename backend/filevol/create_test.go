package filevol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func create(t testing.TB, p *pooldef.Pool, v *pooldef.Volume, preallocation string) {
	t.Helper()
	if err := here.Create(t.Context(), p, v,
		backend.CreateOptions{Preallocation: preallocation}); err != nil {
		t.Fatalf("%+v, preallocation %q: %v", *v, preallocation, err)
	}
}

// TestRawSizes creates raw files with and without allocation, and compares with stat(2).
func TestRawSizes(t *testing.T) {
	p := newPool(t)
	const full = 1 << 20
	for i, test := range []struct {
		allocation    pooldef.Size
		preallocation string
		room          uint64
	}{
		{pooldef.Size{}, "", full}, {pooldef.Bytes(0), "", 0}, {pooldef.Bytes(full / 4), "", full / 4},
		{pooldef.Bytes(2 * full), "", full},
		{pooldef.Size{}, "off", 0}, {pooldef.Bytes(0), "falloc", full}, {pooldef.Bytes(0), "full", full},
	} {
		v := rawVolume(fmt.Sprint("v", i), full)
		v.Allocation = test.allocation
		create(t, p, v, test.preallocation)
		var st unix.Stat_t
		ok(t, unix.Stat(p.Target.Path+"/"+v.Name, &st))
		got, err := here.Volume(t.Context(), p, v.Name)
		ok(t, err)
		if st.Size != full || uint64(st.Blocks)*512 != test.room {
			t.Errorf("%+v: got %d bytes, %d allocated", test, st.Size, st.Blocks*512)
		}
		if got.Capacity.Bytes != full || got.Physical.Bytes != full || got.Allocation.Bytes != test.room {
			t.Errorf("%+v: found %+v", test, got)
		}
	}
}

// TestCreateRefused requests impossible volumes. The error must name everything that is wrong, and nothing
// may change.
func TestCreateRefused(t *testing.T) {
	p := newPool(t)
	write(t, p, "taken", "theirs")
	ok(t, os.Symlink("none", p.Target.Path+"/dangling"))
	define := func(name, format string, change func(*pooldef.Volume)) *pooldef.Volume {
		v := rawVolume(name, 1<<20)
		v.Target.Format = format
		change(v)
		return v
	}
	nothing := func(*pooldef.Volume) {}
	overlay := func(v *pooldef.Volume) { v.Backing = &pooldef.VolumeTarget{Path: "taken", Format: "raw"} }
	for _, test := range []struct {
		volume        *pooldef.Volume
		preallocation string
		want          string
	}{
		{define("taken", "raw", nothing), "", "exists already"},
		{define("taken", "dir", nothing), "", "exists already"},
		{define("dangling", "qcow2", nothing), "", "exists already"},
		{define("a/b", "raw", nothing), "", "name: \"a/b\" cannot be the name of a file"},
		{define(strings.Repeat("x", 256), "dir", nothing), "", "name: the name has 256 bytes"},
		{define("r", "raw", func(v *pooldef.Volume) { v.Capacity = pooldef.Size{} }), "", "capacity: missing"},
		{define("r", "raw", func(v *pooldef.Volume) {
			overlay(v)
			v.Target.Compat, v.Target.ClusterSize = "1.1",
				512
		}), "metadata",
			"backingStore: a raw volume cannot have a backing store; qcow2 can\n" +
				"a raw volume has no metadata to preallocate; use falloc\n" +
				"target/compat: only qcow2 has a compatibility level\ntarget/clusterSize: a raw volume has no clusters"},
		{define("d", "dir", overlay), "", "backingStore: a directory has no backing store"},
		{define("q", "qcow2", func(v *pooldef.Volume) { v.Capacity = pooldef.Size{} }), "", "capacity: missing"},
		{define("q", "qcow2", func(v *pooldef.Volume) {
			v.Target.Compat, v.Target.LazyRefcounts, v.Target.ExtendedL2 = "0.10", true, true
		}), "",
			"target/features: lazy_refcounts needs compat 1.1\ntarget/features: extended_l2 needs compat 1.1"},
		{define("q", "qcow2", func(v *pooldef.Volume) { v.Target.Compat = "2.0" }), "",
			"target/compat: qcow2 has the levels 0.10 and 1.1, not 2.0"},
		{define("q", "qcow2", overlay), "falloc",
			"backingStore: an image with a backing store can be preallocated only with extended_l2"},
		{define("m", "vmdk", func(v *pooldef.Volume) { v.Target.Compat, v.Target.Features = "1.1", true }),
			"falloc",
			"target/compat: only qcow2 has a compatibility level, not vmdk\n" +
				"target/features: only qcow2 has features, not vmdk\n" +
				"qemu-img cannot preallocate vmdk images"},
		{define("p", "ploop", nothing), "", "pools of type dir do not support creating ploop volumes"},
		{define("b", "bochs", nothing), "", "pools of type dir do not support creating bochs volumes"},
		{define("f", "fat", nothing), "", "pools of type dir do not support creating fat volumes"},
		{define("e", "qcow2",
			func(v *pooldef.Volume) { v.Target.Encryption = &pooldef.Encryption{Format: "luks"} }), "",
			"target/encryption: exactly one secret of type passphrase is needed, not 0"},
	} {
		before := backendtest.Tree(t, p.Target.Path)
		err := here.Create(t.Context(), p, test.volume,
			backend.CreateOptions{Preallocation: test.preallocation})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s volume %q: error %v, want %s", test.volume.Target.Format, test.volume.Name, err,
				test.want)
		}
		if taken := strings.Contains(test.want, "exists"); taken != errors.Is(err, fs.ErrExist) {
			t.Errorf("%q: error %v wraps fs.ErrExist: got %v", test.volume.Name, err, !taken)
		}
		if after := backendtest.Tree(t, p.Target.Path); after != before {
			t.Errorf("%q: before\n%s\nafter\n%s", test.volume.Name, before, after)
		}
	}
}

// TestGuardedPool uses a pool that must be a mount point, before anything is mounted there.
func TestGuardedPool(t *testing.T) {
	p := newPool(t)
	p.MountPoint = true
	write(t, p, "below", "hidden by the mount")
	notReady := (*backend.NotReadyError)(nil)
	for what, err := range map[string]error{
		"create":  here.Create(t.Context(), p, rawVolume("v", 1), backend.CreateOptions{}),
		"delete":  here.Delete(t.Context(), p, "below"),
		"volumes": lister(here.Volumes).firstError(t, p),
		"details": lister(here.Details).firstError(t, p),
		"volume":  func() error { _, err := here.Volume(t.Context(), p, "below"); return err }(),
		"space":   func() error { _, err := here.Space(t.Context(), p); return err }(),
		"sweep":   func() error { _, err := here.RemoveStale(t.Context(), p); return err }(),
	} {
		if !errors.As(err, &notReady) || notReady.Build {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if active, err := here.Active(t.Context(), p); active || err != nil {
		t.Errorf("active: %v, error %v", active, err)
	}
	if _, err := os.Stat(p.Target.Path + "/below"); err != nil {
		t.Error(err)
	}
	p.Target.Path = backendtest.Mount(t, "-t", "tmpfs", "tmpfs")
	if active, err := here.Active(t.Context(), p); !active || err != nil {
		t.Errorf("mounted: active %v, error %v", active, err)
	}
	create(t, p, rawVolume("v", 1), "")
}

// TestFullPool creates volumes that do not fit. Nothing may be left behind, and a volume that fits must still
// work.
func TestFullPool(t *testing.T) {
	p := poolIn(backendtest.Mount(t, "-t", "tmpfs", "-o", "size=1m", "tmpfs"))
	before := backendtest.Tree(t, p.Target.Path)
	for _, preallocation := range []string{"falloc", "full"} {
		for _, format := range []string{"raw", "qcow2"} {
			v := rawVolume("v", 4<<20)
			v.Target.Format = format
			if err := here.Create(t.Context(), p, v,
				backend.CreateOptions{Preallocation: preallocation}); err == nil {
				t.Errorf("%s, %s: got no error", format, preallocation)
			}
			if after := backendtest.Tree(t, p.Target.Path); after != before {
				t.Errorf("%s, %s: left behind:\n%s", format, preallocation, after)
			}
		}
	}
	create(t, p, rawVolume("v", 1<<19), "full")
}

// TestHeldStage creates a volume that another process is just creating.
func TestHeldStage(t *testing.T) {
	p := newPool(t)
	stage := &host.Stage{Path: p.Target.Path + "/" + stagingName("v")}
	backendtest.Change(t, stage)
	defer stage.Release()
	before := backendtest.Tree(t, p.Target.Path)
	err := here.Create(t.Context(), p, rawVolume("v", 1), backend.CreateOptions{})
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(),
		`another process is creating "`+p.Target.Path+`/v"`) {
		t.Errorf("got error %v", err)
	}
	if after := backendtest.Tree(t, p.Target.Path); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	create(t, p, rawVolume("w", 1), "")
}

// processVariable tells a process which volumes to create, and in which pool.
const processVariable = "POOLCTL_TEST_CREATE"

// TestProcesses runs two processes that concurrently create the same volumes and fifty volumes each of their
// own, and remove leftovers all the time.
func TestProcesses(t *testing.T) {
	if text := os.Getenv(processVariable); text != "" {
		who, dir, _ := strings.Cut(text, " ")
		createMany(t, poolIn(dir), who)
		return
	}
	p := newPool(t)
	var outputs [2]string
	var group sync.WaitGroup
	for i := range outputs {
		group.Go(func() {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestProcesses$", "-test.v")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", processVariable, i, p.Target.Path))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			outputs[i] = string(out)
		})
	}
	group.Wait()
	if got := strings.Count(outputs[0]+outputs[1], "created a shared volume"); got != 10 {
		t.Errorf("10 shared volumes were created %d times:\n%s\n%s", got, outputs[0], outputs[1])
	}
	found := list(t, p)
	if len(found) != 110 {
		t.Errorf("got %d volumes", len(found))
	}
	if entries, _ := os.ReadDir(p.Target.Path); len(entries) != len(found) {
		t.Errorf("left behind: %v", entries)
	}
}

func createMany(t *testing.T, p *pooldef.Pool, who string) {
	for n := range 50 {
		create(t, p, rawVolume(fmt.Sprintf("%s-%d", who, n), 4096), "")
		_, err := here.RemoveStale(t.Context(), p)
		ok(t, err)
		if n >= 10 {
			continue
		}
		switch err := here.Create(t.Context(), p, rawVolume(fmt.Sprint("same-", n), 4096),
			backend.CreateOptions{}); {
		case err == nil:
			fmt.Println("created a shared volume")
		case !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
}

// TestCreateInterrupted cancels the creation of an image while qemu-img runs.
func TestCreateInterrupted(t *testing.T) {
	p := newPool(t)
	before := backendtest.Tree(t, p.Target.Path)
	v := rawVolume("v", 64<<30) // more than can be written during this test
	v.Target.Format = "qcow2"
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		image := p.Target.Path + "/" + stagingName("v") + "/v"
		for {
			if info, err := os.Stat(image); err == nil && info.Size() > 1<<20 {
				cancel()
				return
			}
		}
	}()
	err := here.Create(ctx, p, v, backend.CreateOptions{Preallocation: "full"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if after := backendtest.Tree(t, p.Target.Path); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}
