package logical

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/driver/drivertest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

const mib = 1 << 20

// devices are the lab's disks that the tests use.
var devices = []string{"/dev/loop0", "/dev/loop1", "/dev/loop2"}

// newPool returns a pool on the first n devices, which are empty. The test's cleanup removes all LVM
// metadata.
func newPool(t *testing.T, n int) *pooldef.Pool {
	t.Helper()
	backendtest.NeedsLab(t, "logical volumes")
	attach(t)
	clean := func() { removeGroups(t) }
	clean()
	t.Cleanup(clean)
	return poolOn(n)
}

// poolOn defines a pool on the first n devices.
func poolOn(n int) *pooldef.Pool {
	p := &pooldef.Pool{
		Type:   pooldef.Logical,
		Name:   "pool",
		Source: pooldef.Source{Name: "vg-0", Format: "lvm2"},
		Target: pooldef.Target{Path: "/dev/vg-0"},
	}
	for _, d := range devices[:n] {
		p.Source.Devices = append(p.Source.Devices, pooldef.Device{Path: d})
	}
	return p
}

// attach creates the disks, unless they exist. Unlike brd's, loop devices support discard.
func attach(t *testing.T) {
	t.Helper()
	if slices.Contains(strings.Fields(run(t, "losetup", "-n", "-O", "NAME", "-l")), devices[0]) {
		return
	}
	backendtest.Change(
		t,
		host.Cmd(
			"modprobe", "-a", "loop", "dm-mod", "dm-thin-pool", "dm-snapshot", "dm-mirror", "dm-raid", "dm-cache",
		),
	)
	for i, d := range devices {
		file := fmt.Sprintf("/run/poolctl-test-%d", i)
		backendtest.Change(
			t, host.CreateFile{Path: file, Mode: 0o600, UID: -1, GID: -1, Size: 128 * mib},
			host.Cmd("losetup", d, file),
		)
	}
}

// removeGroups removes all volume groups.
func removeGroups(t *testing.T) {
	t.Helper()
	vgs := run(t, "vgs", "--noheadings", "-o", "vg_name")
	for _, vg := range strings.Fields(vgs) {
		run(t, "vgremove", "-ff", "-y", vg)
	}
	run(t, "wipefs", append([]string{"-a", "-q"}, devices...)...)
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

func newBackend() *Backend { return New(&host.Local{}, nil) }

func volume(name string, size uint64) *pooldef.Volume {
	return &pooldef.Volume{Name: name, Capacity: pooldef.Bytes(size)}
}

// options returns the suite's options for a pool of plain volumes.
func options() backendtest.Options {
	return backendtest.Options{
		New: func(h host.Host) backend.Backend {
			return New(h, backendtest.Secrets{"one": "a passphrase"})
		},
		Pool:   func(t *testing.T) *pooldef.Pool { return newPool(t, 1) },
		Build:  backend.BuildOptions{Overwrite: true}, // a failed removal may leave data
		Volume: volume,
		Slow:   true, Cached: true,
		Sizes:      []uint64{4 * mib, 1, 512, 4*mib + 1},
		Unit:       4 * mib,
		Passphrase: "one",
		Snapshot: func(t *testing.T, _ *pooldef.Pool) string {
			return snapshot(t)
		},
		Refused: []string{
			"", ".", "..", "-x", "a b", "a:b", "snapshot", "x_tdata", ".poolctl-1-2-3", strings.Repeat("n", 125),
		},
		Allowed: []string{
			"+", "a.b", "_", "a-b", "a--b", "..x", "-+_."[1:], ".poolctl-x", strings.Repeat("n", 100),
		},
	}
}

// snapshot returns the state of LVM as text: groups, devices, volumes with their space, and the links to them
// with their modes.
func snapshot(t testing.TB) string {
	t.Helper()
	text := run(
		t, "pvs", "--noheadings", "--units", "b", "-o",
		"pv_name,vg_name,pv_size,pv_free,lv_name,lv_size,lv_attr,lv_tags,seg_le_ranges", "--segments",
	)
	text = regexp.MustCompile(` +`).ReplaceAllString(text, " ")
	for _, vg := range []string{"vg-0"} {
		entries, err := os.ReadDir(dir(vg))
		// an empty thin pool has a link, one with volumes has none
		isThin := func(e os.DirEntry) bool { return e.Name() == "tp" }
		if volumes := slices.DeleteFunc(slices.Clone(entries), isThin); err == nil &&
			(len(volumes) > 0 || len(entries) == 0) {
			text += fmt.Sprintln(dir(vg))
			for _, e := range volumes {
				info, err := os.Stat(dir(vg) + "/" + e.Name())
				ok(t, err)
				text += fmt.Sprintln(e.Name(), info.Mode())
			}
		}
	}
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestConformance and TestConformanceFaults run the suite in two halves, for parallel labs.
func TestConformance(t *testing.T) {
	backendtest.NeedsLab(t, "logical volumes")
	withoutAutoactivation(t)
	o := options()
	o.Cannot = backendtest.Because("TestConformanceFaults has it", backendtest.Faults...)
	backendtest.Run(t, o)
}

func TestConformanceFaults(t *testing.T) {
	backendtest.NeedsLab(t, "logical volumes")
	withoutAutoactivation(t)
	o := options()
	o.Parts = append(slices.Clone(backendtest.Faults), "Moving")
	o.Move = drivertest.Move
	o.Elsewhere = backendtest.Because("CloneFaults and KilledCloning have the same changes",
		append(slices.Clone(backendtest.StagedFaults), "SnapshotFaults", "SnapshotCloneFaults")...)
	o.Elsewhere["Moving"] = "TestConformance of disk has it, with devices of this machine, too"
	backendtest.Run(t, o)
}

// withoutAutoactivation disables the udev rule that runs pvscan after each write to a device of a group. The
// rule takes a sixth of the suite's time. The other tests run with the rule.
func withoutAutoactivation(t *testing.T) {
	t.Helper()
	ok(t, os.WriteFile("/run/udev/rules.d/69-lvm.rules", nil, 0o644))
	t.Cleanup(func() { ok(t, os.Remove("/run/udev/rules.d/69-lvm.rules")) })
}
