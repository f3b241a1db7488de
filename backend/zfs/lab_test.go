package zfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/driver/drivertest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

const mib = 1 << 20

// devices are the lab's disks that the tests use.
var devices = []string{"/dev/loop0", "/dev/loop1"}

// newPool returns a pool on the first n devices, which are empty. The test's cleanup removes all ZFS data
// from them.
func newPool(t *testing.T, n int) *pooldef.Pool {
	t.Helper()
	backendtest.NeedsLab(t, "ZFS")
	attach(t)
	clean := func() { destroyPools(t) }
	clean()
	t.Cleanup(clean)
	return definition(n)
}

// definition defines a pool on the first n devices.
func definition(n int) *pooldef.Pool {
	p := &pooldef.Pool{
		Type:   pooldef.ZFS,
		Name:   "pool",
		Source: pooldef.Source{Name: "tank"},
		Target: pooldef.Target{Path: "/dev/zvol/tank"},
	}
	for _, d := range devices[:n] {
		p.Source.Devices = append(p.Source.Devices, pooldef.Device{Path: d})
	}
	return p
}

// attach loads ZFS and creates the disks, unless that is done.
func attach(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/spl"); err == nil {
		return
	}
	load, err := filepath.Abs("../../scripts/lab.d/openzfs")
	ok(t, err)
	run(t, load, "load")
	for i, d := range devices {
		file := fmt.Sprintf("/run/poolctl-test-%d", i)
		backendtest.Change(
			t, host.CreateFile{Path: file, Mode: 0o600, UID: -1, GID: -1, Size: 256 * mib},
			host.Cmd("losetup", d, file),
		)
	}
}

// destroyPools destroys all zpools and removes their labels.
func destroyPools(t *testing.T) {
	t.Helper()
	destroyAll(t)
	for _, d := range devices {
		backendtest.Change(t, host.ZeroEnds{Path: d, Length: 2 * mib})
	}
}

func destroyAll(t *testing.T) {
	t.Helper()
	for name := range strings.FieldsSeq(run(t, "zpool", "list", "-H", "-o", "name")) {
		run(t, "zpool", "destroy", "-f", name)
	}
}

// run runs a command that must succeed, and returns its output.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := new(host.Local).Query(context.Background(), host.Cmd(name, args...))
	ok(t, err)
	return string(out)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// far is a timeout that never expires in these tests.
const far = 5 * time.Minute

func newBackend() *Backend { return New(&host.Local{}, nil, far) }

func volume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size)}
}

// exported exports a pool after Build, so that Start has something to import.
type exported struct{ *Backend }

func (e exported) Build(ctx context.Context, p *pooldef.Pool, o backend.BuildOptions) error {
	err := e.Backend.Build(ctx, p, o)
	if err == nil && stateOf(&host.Local{}, p.Source.Name) != "" { // with IfMissing, it may be exported already
		_, err = new(host.Local).Query(context.Background(), host.Cmd("zpool", "export", p.Source.Name))
	}
	return err
}

// options returns the suite's options for a pool that is a zpool.
func options() backendtest.Options {
	return backendtest.Options{
		New:      func(h host.Host) backend.Backend { return exported{New(h, nil, far)} },
		Pool:     func(t *testing.T) *pooldef.Pool { return newPool(t, 1) },
		Build:    backend.BuildOptions{Overwrite: true}, // a failed removal may leave data that can be overwritten
		Volume:   volume,
		Sizes:    []uint64{mib, 8193},
		Unit:     8192,
		Snapshot: func(t *testing.T, _ *pooldef.Pool) string { return snapshot(t) },
		Refused: []string{
			"", ".", "..", "a%b", "a@b", "a/b", "v-part1", ".poolctl-1-2-3", strings.Repeat("n", 255),
		},
		Allowed: []string{"-x", "a:b", "a b", "_", ".poolctl-x", strings.Repeat("n", 100)},
		Slow:    true, Cached: true,

		RevertDestroys: true,
		Unsupported: []*pooldef.Volume{
			{Name: "x", Capacity: pooldef.Bytes(mib),
				Target: pooldef.VolumeTarget{Encryption: backendtest.LUKS("one")}},
		},
	}
}

// snapshot returns the state of ZFS as text: zpools, their content, links to volumes, and devices that are
// not empty.
func snapshot(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	states, err := filepath.Glob("/proc/spl/kstat/zfs/*/state")
	ok(t, err)
	if len(states) > 0 {
		b.WriteString(
			run(
				t, "zfs", "list", "-Hp", "-t", "all", "-o", "name,volsize,refreservation,origin,mountpoint,defer_destroy",
			),
		)
	}
	for _, s := range states {
		fmt.Fprintln(&b, s, stateOf(&host.Local{}, filepath.Base(filepath.Dir(s))))
	}
	for _, link := range links(t) {
		fmt.Fprintln(&b, link, new(host.Local).Zvol(link))
	}
	for _, d := range devices {
		blank, err := new(host.Local).Blank(d)
		ok(t, err)
		if !blank {
			found, err := host.Signatures(context.Background(), &host.Local{}, d)
			ok(t, err)
			for _, s := range found[:min(len(found), 1)] {
				fmt.Fprintln(&b, d, s.Type)
			}
		}
	}
	return b.String()
}

// links returns the links to volumes. ZFS removes devices asynchronously, and udev their links, so links
// waits for dangling links to disappear.
func links(t testing.TB) []string {
	t.Helper()
	for left := 100; ; left-- {
		all, err := filepath.Glob(zvols + "*/*")
		ok(t, err)
		dangling := func(link string) bool { _, err := os.Stat(link); return err != nil }
		if left == 0 || !slices.ContainsFunc(all, dangling) {
			return all
		}
		time.Sleep(50 * time.Millisecond)
	}
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
			t.Errorf("%s: error %v does not contain %q", what, err, w)
		}
	}
}

// TestConformance and TestConformanceFaults run the suite in two halves, for parallel labs.
func TestConformance(t *testing.T) {
	backendtest.NeedsLab(t, "ZFS")
	o := options()
	o.Cannot = backendtest.Because("TestConformanceFaults has it", backendtest.Faults...)
	o.Elsewhere = backendtest.Because("TestConformance of logical has it, with the same locks",
		"RenamingTogether", "CloningTogether")
	backendtest.Run(t, o)
}

func TestConformanceFaults(t *testing.T) {
	backendtest.NeedsLab(t, "ZFS")
	o := options()
	o.Parts = append(slices.Clone(backendtest.Faults), "Moving")
	o.Move = drivertest.Move
	o.Sibling = func(t *testing.T, p *pooldef.Pool) *pooldef.Pool {
		run(t, "zfs", "create", "-o", "mountpoint=none", "tank/sibling")
		sibling := *p
		sibling.Name, sibling.Source.Name, sibling.Target.Path = "sibling", "tank/sibling", "/dev/zvol/tank/sibling"
		return &sibling
	}
	o.Elsewhere = backendtest.Because("CloneFaults and KilledCloning have the same changes",
		append(slices.Clone(backendtest.StagedFaults), "SnapshotCloneFaults")...)
	backendtest.Run(t, o)
}
