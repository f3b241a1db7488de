package scsivol

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func local(s *backendtest.SysTree) *host.Local { return &host.Local{Root: s.Root} }

// linked is a host with links in /dev/disk.
type linked struct {
	host.Host
	links map[string][]string
}

func (l linked) DeviceLinks(string) (map[string][]string, error) { return l.links, nil }

func unitsOn(h host.Host, hosts ...int) *Units {
	u := New(h, nil)
	u.Hosts = func(context.Context, *pooldef.Pool) ([]int, error) { return hosts, nil }
	u.Find = u.Ready
	return &u
}

func pool(target string) *pooldef.Pool {
	return &pooldef.Pool{Type: pooldef.SCSI, Name: "p", Target: pooldef.Target{Path: target}}
}

func list(t *testing.T, u *Units, p *pooldef.Pool) string {
	t.Helper()
	var text strings.Builder
	for v, err := range u.Volumes(t.Context(), p) {
		if err != nil {
			return err.Error()
		}
		fmt.Fprintf(&text, "%s %s %s %d\n", v.Name, v.Target.Path, v.Key, v.Capacity.Bytes)
	}
	return text.String()
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// aHost returns a SCSI host with disks, a CD-ROM, a tape and a disk without a driver, next to another host.
func aHost(t *testing.T) *backendtest.SysTree {
	s := backendtest.NewSysTree(t)
	s.Host("devices/test", 3, "0")
	s.Unit("3:0:0:10", "0", "sdc", 32, 4096, page(t, debugPage))
	s.Unit("3:0:0:9", "0", "sdb", 16, 2048, "")
	s.Unit("3:1:2:0", "5", "sr0", 5, 100, "")
	s.Unit("3:0:0:1", "1", "st0", 1, 0, "")
	s.Unit("3:0:0:2", "0", "", 0, 0, "")
	s.Unit("4:0:0:9", "0", "sdd", 48, 2048, page(t, tgtPage))
	s.Dir("bus/scsi/devices/target3:0:0")
	s.Dir("bus/scsi/devices/host3")
	return s
}

func TestUnits(t *testing.T) {
	s := aHost(t)
	u := unitsOn(local(s), 3)
	want := "unit:0:0:10 /dev/sdc 333333330000007d1 2097152\nunit:0:0:9 /dev/sdb /dev/sdb " +
		"1048576\nunit:1:2:0 /dev/sr0 /dev/sr0 51200\n"
	expect(t, "in /dev", list(t, u, pool("/dev/")), want)
	expect(
		t, "of two hosts, of which one has the same address", list(t, unitsOn(local(s), 4, 3), pool("/dev")), want,
	)
	space, err := u.Space(t.Context(), pool("/dev"))
	if total := uint64(1048576 + 2097152 + 51200); err != nil ||
		space != (pooldef.Space{Capacity: total, Allocation: total}) {
		t.Errorf("space %+v, error %v", space, err)
	}
	for _, name := range []string{"unit:0:0:2", "unit:0:0:1", "unit:0:0:99", "0:0:9", "unit:", ""} {
		if v, err := u.Volume(t.Context(), pool("/dev"), name); !errors.Is(err, backend.ErrNoVolume) {
			t.Errorf("%q: %+v, error %v", name, v, err)
		}
	}
	v, err := u.Volume(t.Context(), pool("/dev"), "unit:0:0:10")
	if err != nil || v.Name != "unit:0:0:10" || v.Err == nil { // there is no node
		t.Errorf("%+v, error %v", v, err)
	}
	problems := pooldef.Problems(nil)
	if _, err := u.Space(t.Context(), pool("/srv")); !errors.As(err, &problems) {
		t.Errorf("a target that is not in /dev: error %v", err)
	}
}

func TestPaths(t *testing.T) {
	s := aHost(t)
	s.Write("devices/test/host3/target3:0:0/3:0:0:9/block/sdb/holders/dm-4", nil)
	s.Dir("devices/test/host3/target3:0:0/3:0:0:9/block/sdb/holders/dm-4")
	s.Write("block/dm-4", map[string]string{"dev": "254:4\n", "dm/uuid": "mpath-3600\n"})
	u := unitsOn(linked{local(s), map[string][]string{
		"sdc":  {"scsi-1Linux", "scsi-333333330000007d1", "wwn-0x333"},
		"dm-4": {"dm-uuid-mpath-3600", "scsi-3600"},
		"sdc1": {"scsi-333333330000007d1-part1"},
	}}, 3)
	expect(
		t, "the link with the identifier; that of the multipath map; what has no link is not listed",
		list(t, u, pool("/dev/disk/by-id")),
		"unit:0:0:10 /dev/disk/by-id/scsi-333333330000007d1 333333330000007d1 2097152\n"+
			"unit:0:0:9 /dev/disk/by-id/dm-uuid-mpath-3600 /dev/disk/by-id/dm-uuid-mpath-3600 1048576\n",
	)
	none := unitsOn(local(s), 3)
	expect(t, "no such directory", list(t, none, pool("/dev/poolctl-none")), "")
}

// TestPort checks the key of a unit that is connected through Fibre Channel.
func TestPort(t *testing.T) {
	p := pool("/dev")
	p.Source.Adapter = &pooldef.Adapter{Type: "fc_host"}
	expect(t, "the key has the port", list(t, unitsOn(local(aHost(t)), 3), p),
		"unit:0:0:10 /dev/sdc 333333330000007d1_PORT100 2097152\nunit:0:0:9 /dev/sdb /dev/sdb "+
			"1048576\nunit:1:2:0 /dev/sr0 /dev/sr0 51200\n")
}

// TestRefresh checks that the kernel rescans known units and looks for new ones.
func TestRefresh(t *testing.T) {
	s := backendtest.NewSysTree(t)
	s.Host("devices/test", 3, "0")
	s.Unit("3:0:0:1", "0", "sda", 0, 2048, "")
	u := unitsOn(local(s), 3)
	if err := u.Refresh(t.Context(), pool("/dev"), 0); err != nil {
		t.Error(err)
	}
	for file, want := range map[string]string{
		"bus/scsi/devices/3:0:0:1/rescan": "1\n", "class/scsi_host/host3/scan": "- - -\n",
	} {
		if got, err := os.ReadFile(s.Root + "/sys/" + file); string(got) != want || err != nil {
			t.Errorf("%s contains %q, error %v", file, got, err)
		}
	}
	var dry strings.Builder
	if err := unitsOn(host.NewDryRun(local(s), &dry), 3).Refresh(t.Context(), pool("/dev"), 0); err != nil {
		t.Error(err)
	}
	expect(t, "a dry run", dry.String(),
		"for unit in /sys/bus/scsi/devices/3:*/rescan; do echo 1 >$unit; done; echo '- - -' "+
			">/sys/class/scsi_host/host3/scan\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := u.Refresh(ctx, pool("/dev/poolctl-none"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// TestLate waits for units that do not appear or are not usable.
func TestLate(t *testing.T) {
	defer func(usual time.Duration) { settle = usual }(settle)
	settle = 300 * time.Millisecond
	s := backendtest.NewSysTree(t)
	s.Host("devices/test", 3, "0")
	refresh := func(target string, wait time.Duration) string {
		return fmt.Sprint(unitsOn(local(s), 3).Refresh(t.Context(), pool(target), wait))
	}
	expect(t, "there need not be any", refresh("/dev", 0), "<nil>")
	expect(
		t, "there has to be one", refresh("/dev", 500*time.Millisecond),
		"after 500ms, host3 has no LUNs",
	)
	s.Unit("3:0:0:1", "0", "", 0, 0, "")
	expect(t, "without a driver", refresh("/dev", 0), "no driver is bound to its 1 LUNs")
	s.Unit("3:0:0:2", "0", "sda", 0, 2048, "")
	expect(t, "one of two can be used", refresh("/dev", 0), "<nil>")
	expect(t, "without links", refresh("/dev/poolctl-none", 0), `no link in "/dev/poolctl-none" points to sda`)
	if err := unitsOn(local(s), 4).Refresh(t.Context(), pool("/dev"), time.Hour); err == nil {
		t.Error("there is no host 4, but no error")
	}
}

// TestUdevBusy checks that Refresh waits longer for links while udev is busy, and waits for units.
func TestUdevBusy(t *testing.T) {
	defer func(usual time.Duration, busy func() bool) { settle, isUdevBusy = usual, busy }(settle, isUdevBusy)
	s := backendtest.NewSysTree(t)
	s.Host("devices/test", 3, "0")
	links := map[string][]string{}
	refresh := func(target string, wait time.Duration, third func()) error {
		looks := 0
		isUdevBusy = func() bool {
			if looks++; looks == 3 {
				third()
			}
			return looks < 3
		}
		return unitsOn(linked{local(s), links}, 3).Refresh(t.Context(), pool(target), wait)
	}
	settle = time.Hour
	if err := refresh("/dev", time.Hour, func() { s.Unit("3:0:0:1", "0", "sda", 0, 2048, "") }); err != nil {
		t.Errorf("a new unit: error %v", err)
	}
	settle = 0
	if err := refresh("/dev/disk/by-id", 0, func() { links["sda"] = []string{"scsi-1"} }); err != nil {
		t.Errorf("a new link: error %v", err)
	}
}

// TestLyingSizes checks that sizes that overflow are rejected. The kernel reports whatever size a unit has.
func TestLyingSizes(t *testing.T) {
	s := aHost(t)
	u := unitsOn(local(s), 3)
	claim := func(unit, block, sectors string) {
		dir := "devices/test/host3/target" + unit[:strings.LastIndex(unit, ":")] + "/" + unit + "/block/" + block
		s.Write(dir, map[string]string{"size": sectors})
	}
	for _, sectors := range []string{
		"18014398509481984", "18446744073709551615", "18446744073709551616", "-1", "NaN",
	} {
		claim("3:0:0:9", "sdb", sectors)
		_, err := u.Ready(t.Context(), pool("/dev"), "unit:0:0:9")
		wrong := (*backend.AnswerError)(nil)
		if !errors.As(err, &wrong) || wrong.Tool != "sdb" || wrong.Text != sectors {
			t.Errorf("%s sectors: error %v", sectors, err)
		}
		v, err := u.Volume(t.Context(), pool("/dev"), "unit:0:0:9")
		if err != nil || v.Capacity.Bytes != 0 || !errors.As(v.Err, &wrong) {
			t.Errorf("%s sectors: %+v, error %v", sectors, v, err)
		}
	}
	for unit, block := range map[string]string{"3:0:0:9": "sdb", "3:0:0:10": "sdc", "3:1:2:0": "sr0"} {
		claim(unit, block, "18014398509481983")
	}
	if space, err := u.Space(t.Context(), pool("/dev")); err == nil {
		t.Errorf("three of the largest units: %+v", space)
	}
}
