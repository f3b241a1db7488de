package scsi

import (
	"fmt"
	"strings"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

func TestMain(m *testing.M) { backendtest.Main(m) }

func pool(a *pooldef.Adapter) *pooldef.Pool {
	return &pooldef.Pool{
		Type:   pooldef.SCSI,
		Name:   "p",
		Source: pooldef.Source{Adapter: a},
		Target: pooldef.Target{Path: "/dev"},
	}
}

func named(name string) *pooldef.Adapter { return &pooldef.Adapter{Type: "scsi_host", Name: name} }

// TestHosts finds hosts in every way that a definition can name them.
func TestHosts(t *testing.T) {
	s := newFabric(t)
	s.SysTree.Host("devices/pci0000:00/0000:00:1f.2/ata1", 1, "1")
	s.SysTree.Host("devices/pci0000:00/0000:00:1f.2/ata2", 2, "2")
	s.SysTree.Host("devices/pci0000:00/0000:00:1f.20", 3, "1")
	s.SysTree.Host("devices/pci0000:00/0000:03:00.0/0001:04:1f.2", 4, "1")
	s.port(5, -1, "20000000c9831b4b", "10000000c9831b4b", 0)
	b := New(s, nil)
	at := func(domain, bus, slot, function uint64, id int) *pooldef.Adapter {
		return &pooldef.Adapter{
			Type:   "scsi_host",
			Parent: &pooldef.ParentAddress{UniqueID: id, Domain: domain, Bus: bus, Slot: slot, Function: function},
		}
	}
	for _, test := range []struct {
		adapter *pooldef.Adapter
		want    string
	}{
		{named("host1"), "1"},
		{named("scsi_host2"), "2"},
		{named("fc_host5"), "5"},
		{named("host9"), "no SCSI host host9"},
		{named("sda"), `source/adapter/@name: "sda" is not the name of a SCSI host, such as host0 or scsi_host0`},
		{at(0, 0, 0x1f, 2, 2), "2"},
		{at(1, 4, 0x1f, 2, 1), "4"},
		{at(0, 0, 0x1f, 2, 3), "no SCSI host with unique id 3 at PCI address 0000:00:1f.2"},
		{&pooldef.Adapter{Type: "fc_host", WWNN: "0x20000000C9831B4B", WWPN: "10000000c9831b4b"}, "5"},
	} {
		p := pool(test.adapter)
		p.Started = true
		hosts, err := b.Hosts(t.Context(), p)
		got := strings.Trim(fmt.Sprint(hosts), "[]")
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%+v: got %s, want %s", *test.adapter, got, test.want)
		}
	}
}

// TestActive checks that an existing host does not make a pool active that was not started.
func TestActive(t *testing.T) {
	s := backendtest.NewSysTree(t)
	s.Host("devices/test", 1, "1")
	b := New(&host.Local{Root: s.Root}, nil)
	for _, test := range []struct {
		name          string
		started, want bool
	}{{"host1", false, false}, {"host1", true, true}, {"host2", true, false}} {
		p := pool(named(test.name))
		p.Started = test.started
		if active, err := b.Active(t.Context(), p); active != test.want || err != nil {
			t.Errorf("%+v: active %v, error %v", test, active, err)
		}
	}
}
