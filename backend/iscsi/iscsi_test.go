package iscsi

import (
	"fmt"
	"strings"
	"testing"

	"poolctl/backend/backendtest"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// sessionIn adds a session to a tree of /sys.
func sessionIn(
	s *backendtest.SysTree, id, number int, target, iface, initiator, address, persistent, port string,
) {
	dir := fmt.Sprintf("devices/platform/host%d/session%d", number, id)
	class := fmt.Sprintf("%s/iscsi_session/session%d", dir, id)
	s.Write(
		class,
		map[string]string{
			"targetname": target + "\n", "state": "LOGGED_IN\n", "ifacename": iface + "\n",
			"initiatorname": initiator + "\n",
		},
	)
	s.Link(fmt.Sprintf("class/iscsi_session/session%d", id), class)
	connection := fmt.Sprintf("connection%d:0", id)
	s.Write(
		dir+"/"+connection,
		map[string]string{
			"address": address + "\n", "persistent_address": persistent + "\n", "port": port + "\n",
			"persistent_port": port + "\n",
		},
	)
	s.Link("class/iscsi_connection/"+connection, dir+"/"+connection)
}

// TestSessions matches sessions by target, portal, initiator and owner.
func TestSessions(t *testing.T) {
	s := backendtest.NewSysTree(t)
	const uuid = "00000000-0000-4000-8000-000000000001"
	sessionIn(s, 1, 3, disks, "default", "iqn.a:host", "192.0.2.1", "192.0.2.1", "3260")
	sessionIn(
		s, 2, 4, disks, "poolctl-"+uuid, "iqn.a:other", "2001:0db8:0000:0000:0000:0000:0000:0001",
		"san.example.com", "3260",
	)
	sessionIn(s, 3, 5, disks, "poolctl-somebody", "iqn.a:host", "192.0.2.1", "192.0.2.1", "3260")
	sessionIn(s, 4, 6, chap, "default", "iqn.a:host", "192.0.2.1", "192.0.2.1", "3260")
	sessionIn(s, 5, 7, disks, "default", "iqn.a:host", "192.0.2.1", "192.0.2.1", "3261")
	b := New(&host.Local{Root: s.Root}, nil, far)
	for _, test := range []struct{ hosts, initiator, want string }{
		{"192.0.2.1", "", "[3]"},
		{"192.0.2.1:3261", "", "[7]"},
		{"192.0.2.2", "", "[]"},
		{"SAN.example.com", "", "[4]"},
		{"2001:db8::1", "", "[4]"},
		{"[2001:db8::1]", "", "[4]"},
		{"2001:db8::1 192.0.2.1", "", "[3 4]"},
		{"2001:db8::1 192.0.2.1", "iqn.a:other", "[4]"},
		{"192.0.2.1", "iqn.a:nobody", "[]"},
	} {
		p := &pooldef.Pool{
			Type:   pooldef.ISCSI,
			UUID:   uuid,
			Source: pooldef.Source{Initiator: test.initiator, Devices: []pooldef.Device{{Path: disks}}},
		}
		for name := range strings.FieldsSeq(test.hosts) {
			h := pooldef.Host{Name: name}
			if before, ok := strings.CutSuffix(name, ":3261"); ok {
				h = pooldef.Host{Name: before, Port: 3261}
			}
			p.Source.Hosts = append(p.Source.Hosts, h)
		}
		target, err := targetOf(p)
		ok(t, err)
		all, err := b.sessions(t.Context(), p, target)
		ok(t, err)
		if got := fmt.Sprint(hostsOf(all)); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
	none := New(&host.Local{Root: t.TempDir()}, nil, far)
	if all, err := readSessions(none.Host.Sys()); all != nil || err != nil {
		t.Errorf("without iSCSI: %v, error %v", all, err)
	}
}

// TestBadSources rejects names that would become strange file names or options.
func TestBadSources(t *testing.T) {
	good := pooldef.Source{Hosts: []pooldef.Host{{Name: "h"}}, Devices: []pooldef.Device{{Path: disks}}}
	for _, change := range []func(s *pooldef.Source){
		func(s *pooldef.Source) { s.Hosts = nil },
		func(s *pooldef.Source) { s.Hosts = []pooldef.Host{{Name: "-h"}} },
		func(s *pooldef.Source) { s.Hosts = []pooldef.Host{{Name: "a/b"}} },
		func(s *pooldef.Source) { s.Hosts = []pooldef.Host{{Name: "a,1"}} },
		func(s *pooldef.Source) { s.Hosts = []pooldef.Host{{Name: "192.0.2.1:3260"}} },
		func(s *pooldef.Source) { s.Devices = nil },
		func(s *pooldef.Source) { s.Devices = append(s.Devices[:1:1], s.Devices...) },
		func(s *pooldef.Source) { s.Devices = []pooldef.Device{{Path: "/dev/sda"}} },
		func(s *pooldef.Source) { s.Devices = []pooldef.Device{{Path: "iqn.../../x"}} },
		func(s *pooldef.Source) { s.Devices = []pooldef.Device{{Path: "iqn.a b"}} },
		func(s *pooldef.Source) { s.Initiator = "-x" },
	} {
		p := &pooldef.Pool{Type: pooldef.ISCSI, Source: good}
		if _, err := targetOf(p); err != nil {
			t.Fatal(err)
		}
		change(&p.Source)
		if _, err := targetOf(p); err == nil {
			t.Errorf("%+v was accepted", p.Source)
		}
	}
}
