package iscsi

import (
	"context"
	_ "embed" // the server
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

//go:embed testdata/iscsi-server
var server string

// serve starts the server, unless it runs.
func serve() error {
	if c, err := new(host.Local).Dial(context.Background(), "127.0.0.1:3260"); err == nil {
		return c.Close()
	}
	out, err := exec.Command("sh", "-ec", server).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

const (
	disks = "iqn.2026-01.lab:disks"
	chap  = "iqn.2026-01.lab:chap"
)

// newPool returns a pool of the lab's target. The test's cleanup fails if it finds leftovers, and removes
// them.
func newPool(t *testing.T, iqn string, hosts ...pooldef.Host) *pooldef.Pool {
	t.Helper()
	backendtest.NeedsLab(t, "iSCSI targets")
	ok(t, serve())
	if hosts == nil {
		hosts = []pooldef.Host{{Name: "127.0.0.1"}}
	}
	p := definition(iqn, hosts...)
	t.Cleanup(func() {
		if left := state(t); left != "" {
			t.Errorf("left over:\n%s", left)
			logOut(t)
		}
	})
	return p
}

// definition defines a pool of a target.
func definition(iqn string, hosts ...pooldef.Host) *pooldef.Pool {
	return &pooldef.Pool{
		Type:   pooldef.ISCSI,
		Name:   "p",
		UUID:   pooldef.NewUUID(),
		Target: pooldef.Target{Path: "/dev/disk/by-path"},
		Source: pooldef.Source{Hosts: hosts, Devices: []pooldef.Device{{Path: iqn}}},
	}
}

// logOut removes all sessions and records.
func logOut(t *testing.T) {
	for _, args := range [][]string{
		{"--mode", "node", "--logoutall", "all"}, {"--mode", "session", "--logout"},
		{"--mode", "node", "--op", "delete"},
	} {
		_ = new(host.Local).Change(context.Background(), iscsiadm(args...))
	}
	left, _ := filepath.Glob("/etc/iscsi/[ni]*s/*")
	for _, path := range left {
		ok(t, os.RemoveAll(path))
	}
}

// state returns all sessions, records and interfaces as text.
func state(t testing.TB) string {
	t.Helper()
	all, err := readSessions(new(host.Local).Sys())
	ok(t, err)
	var lines []string
	for _, s := range all {
		lines = append(lines, fmt.Sprintln(s.target, s.iface, s.initiator, s.addresses, s.ports, s.state))
	}
	for _, pattern := range []string{"nodes/*/*/*", "nodes/*/*", "ifaces/*"} {
		files, _ := filepath.Glob("/etc/iscsi/" + pattern)
		lines = append(lines, strings.Join(files, "\n"))
	}
	slices.Sort(lines)
	return strings.TrimSpace(strings.Join(lines, ""))
}

// far is a timeout that never expires in these tests.
const far = 5 * time.Minute

func newBackend(secrets backend.Secrets) *Backend { return New(&host.Local{}, secrets, far) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts a pool as pool-start does.
func start(t *testing.T, b *Backend, p *pooldef.Pool) {
	t.Helper()
	ok(t, b.Start(t.Context(), p))
	p.Started = true
	ok(t, b.Refresh(t.Context(), p, far))
}

func list(t *testing.T, b *Backend, p *pooldef.Pool) string {
	t.Helper()
	var text strings.Builder
	for v, err := range b.Details(t.Context(), p) {
		ok(t, err)
		fmt.Fprintln(&text, v.Name, v.Target.Path, v.Key, v.Capacity.Bytes, v.Err)
	}
	return text.String()
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func TestConformance(t *testing.T) {
	backendtest.NeedsLab(t, "iSCSI targets")
	backendtest.Run(t, backendtest.Options{
		New:      func(h host.Host) backend.Backend { return &waitingBackend{New(h, nil, far)} },
		Pool:     func(t *testing.T) *pooldef.Pool { return newPool(t, disks) },
		Existing: 2,
		Slow:     true, Cached: true,
		Snapshot: func(t *testing.T, p *pooldef.Pool) string { return state(t) },
	})
}

// waitingBackend is a Backend whose Start waits for the units' devices, as pool-start does.
type waitingBackend struct{ *Backend }

func (b *waitingBackend) Start(ctx context.Context, p *pooldef.Pool) error {
	err := b.Backend.Start(ctx, p)
	if err == nil {
		err = newBackend(nil).Refresh(context.WithoutCancel(ctx), p, far)
	}
	return err
}

// TestVolumes checks that units have libvirt's names and keys.
func TestVolumes(t *testing.T) {
	for _, h := range []pooldef.Host{{Name: "127.0.0.1"}, {Name: "::1", Port: 3260}} {
		p := newPool(t, disks, h)
		b := newBackend(nil)
		start(t, b, p)
		at := "/dev/disk/by-path/ip-" + h.Name + ":3260-iscsi-" + disks + "-lun-"
		expect(t, h.Name, list(t, b, p), "unit:0:0:1 "+at+"1 360000000000000000e00000000010001 67108864 <nil>\n"+
			"unit:0:0:2 "+at+"2 360000000000000000e00000000010002 33554432 <nil>\n")
		for v, err := range b.Volumes(t.Context(), p) {
			ok(t, err)
			out, err := new(host.Local).Query(
				t.Context(),
				host.Cmd("/lib/udev/scsi_id", "--replace-whitespace", "--whitelisted", "--device", v.Target.Path),
			)
			ok(t, err)
			expect(t, "scsi_id", v.Key+"\n", string(out))
		}
		ok(t, b.Stop(t.Context(), p))
	}
}

// TestOthers checks that sessions of other programs are kept.
func TestOthers(t *testing.T) {
	p := newPool(t, disks)
	t.Cleanup(func() { logOut(t) })
	b := newBackend(nil)
	active := func(p *pooldef.Pool, want bool, what string) {
		t.Helper()
		if is, err := b.Active(t.Context(), p); is != want || err != nil {
			t.Errorf("%s: active %v, error %v", what, is, err)
		}
	}
	portal := []string{"--mode", "node", "--targetname", disks, "--portal", "127.0.0.1:3260,1"}
	backendtest.Change(t, iscsiadm(append(portal, "--op", "new")...), iscsiadm(append(portal, "--login")...))
	before := state(t)
	active(p, true, "the session exists, no matter who created it")
	p.Started = true
	if err := b.Stop(t.Context(), p); err == nil || !strings.Contains(err.Error(), "not started by poolctl") {
		t.Errorf("error %v", err)
	}
	expect(t, "somebody else's", state(t), before)
	other := *p
	other.Source.Hosts = []pooldef.Host{{Name: "::1"}}
	active(&other, false, "another portal")
	other.Source.Hosts = []pooldef.Host{{Name: "localhost"}}
	active(&other, true, "the portal by its name")
	other.Source.Hosts = []pooldef.Host{{Name: "127.0.0.1", Port: 3261}}
	active(&other, false, "another port")
	other.Source.Hosts, other.Source.Initiator = p.Source.Hosts, "iqn.2026-01.lab:other"
	active(&other, false, "another initiator")
	start(t, b, &other)
	active(p, true, "two sessions")
	ok(t, b.Stop(t.Context(), &other))
	expect(t, "ours beside it has gone", state(t), before)
}

// TestPortals logs in at several portals. Each unit is one volume.
func TestPortals(t *testing.T) {
	p := newPool(
		t, disks, pooldef.Host{Name: "127.0.0.1"}, pooldef.Host{Name: "127.0.0.2"},
		pooldef.Host{Name: "127.0.0.3", Port: 3999},
	)
	p.Source.Initiator = "iqn.2026-01.lab:other"
	b := newBackend(nil)
	err := b.Start(t.Context(), p)
	if warning := (*backend.Warning)(nil); !errors.As(err, &warning) ||
		!strings.Contains(warning.Text, "127.0.0.3:3999") {
		t.Errorf("the third portal: error %v", err)
	}
	p.Started = true
	ok(t, b.Refresh(t.Context(), p, far))
	all, err := readSessions(b.Host.Sys())
	ok(t, err)
	if len(all) != 2 || all[0].initiator != p.Source.Initiator || all[0].iface != interfaceOf(p) {
		t.Errorf("got %+v", all)
	}
	if text := list(t, b, p); strings.Count(text, "\n") != 2 {
		t.Errorf("got\n%s", text)
	}
	ok(t, b.Stop(t.Context(), p))
}

// TestUnits adds, removes and resizes units of the target.
func TestUnits(t *testing.T) {
	p := newPool(t, disks)
	b := newBackend(nil)
	start(t, b, p)
	tgt := func(args ...string) {
		t.Helper()
		backendtest.Change(
			t,
			host.Cmd("tgtadm", append([]string{"--lld", "iscsi", "--tid", "1", "--mode", "logicalunit"}, args...)...),
		)
	}
	backendtest.Change(t, host.CreateFile{Path: "/srv/iscsi/3", Mode: 0o600, UID: -1, GID: -1, Size: 16 << 20})
	tgt("--op", "new", "--lun", "3", "-b", "/srv/iscsi/3")
	ok(t, b.Refresh(t.Context(), p, far))
	if text := list(t, b, p); strings.Count(text, "\n") != 3 ||
		!strings.Contains(text, "-lun-3 360000000000000000e00000000010003 16777216 <nil>") {
		t.Errorf("one more: got\n%s", text)
	}
	tgt("--op", "delete", "--lun", "3")
	ok(t, os.Truncate("/srv/iscsi/3", 48<<20))
	ok(t, b.Refresh(t.Context(), p, far))
	t.Logf("one less:\n%s", list(t, b, p))
	if _, err := b.Ready(t.Context(), p, "unit:0:0:3"); err == nil {
		t.Error("data of a removed unit could be transferred")
	}
	tgt("--op", "new", "--lun", "3", "-b", "/srv/iscsi/3")
	ok(t, b.Refresh(t.Context(), p, far))
	if text := list(t, b, p); !strings.Contains(text, " 50331648 <nil>") {
		t.Errorf("back, and larger: got\n%s", text)
	}
	tgt("--op", "delete", "--lun", "3")
	ok(t, b.Stop(t.Context(), p))
}

// TestInUse checks that a mounted or open unit prevents a logout.
func TestInUse(t *testing.T) {
	p := newPool(t, disks)
	b := newBackend(nil)
	start(t, b, p)
	v, err := b.Volume(t.Context(), p, "unit:0:0:1")
	ok(t, err)
	backendtest.Change(t, host.Cmd("mkfs.ext4", "-q", "-F", v.Target.Path))
	t.Run("Mounted", func(t *testing.T) {
		dir := backendtest.Mount(t, v.Target.Path)
		if err := b.Stop(t.Context(), p); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("error %v", err)
		}
	})
	f, err := os.Open(v.Target.Path)
	ok(t, err)
	if err := b.Stop(t.Context(), p); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("open: error %v", err)
	}
	f.Close()
	ok(t, b.Stop(t.Context(), p))
}

// TestDiscover discovers targets.
func TestDiscover(t *testing.T) {
	newPool(t, disks)
	b := newBackend(nil)
	for _, initiator := range []string{"", "iqn.2026-01.lab:other"} {
		found, err := b.Discover(
			t.Context(), &pooldef.Source{Hosts: []pooldef.Host{{Name: "127.0.0.1"}}, Initiator: initiator},
		)
		if err != nil || len(found) != 2 || found[0].Devices[0].Path != disks || found[0].Hosts[0].Port != 3260 ||
			found[1].Initiator != initiator {
			t.Errorf("found %+v, error %v", found, err)
		}
	}
	for _, spec := range []*pooldef.Source{{}, {Hosts: []pooldef.Host{{Name: "127.0.0.1", Port: 3999}}}} {
		if found, err := b.Discover(t.Context(), spec); err == nil {
			t.Errorf("found %+v", found)
		} else {
			t.Log(err)
		}
	}
}
