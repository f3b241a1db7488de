package iscsi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"poolctl/backend"
	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A cannedHost is a host on which iscsiadm always prints the same text and every server accepts connections.
type cannedHost struct {
	host.Host
	says string
}

func (s cannedHost) Query(context.Context, host.Command) ([]byte, error) { return []byte(s.says), nil }

func (s cannedHost) Dial(context.Context, string) (net.Conn, error) {
	ours, _ := net.Pipe()
	return ours, nil
}

var server1 = &pooldef.Source{Hosts: []pooldef.Host{{Name: "192.0.2.1"}}}

// FuzzDiscovery parses output of iscsiadm, most of which comes from a server. Groups and targets must be
// valid.
func FuzzDiscovery(f *testing.F) {
	for _, text := range []string{
		"127.0.0.1:3260,1 " + disks + "\n[::1]:3260,2 " + disks + "\n192.0.2.1:3260,7 " + disks + "\n",
		"192.0.2.1:3260,99999999999999999999 " + disks + "\n", "192.0.2.1:3260,65536 " + disks, "a:1,1 ../x\n",
		"a:1,1 iqn.\x1b[m\n", ":1,1 -x\n", "\n", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := New(cannedHost{&host.Local{}, text}, nil, far)
		found, err := b.Discover(t.Context(), server1)
		if err != nil || len(found) > strings.Count(text, "\n")+1 {
			t.Errorf("%d targets, error %v", len(found), err)
		}
		for _, s := range found {
			p := &pooldef.Pool{Type: pooldef.ISCSI, Source: s}
			if _, err := targetOf(p); err != nil {
				t.Errorf("not valid for a pool: %v", err)
			}
		}
		if group := b.group(t.Context(), disks, portal{"192.0.2.1", 3260}, ""); group < 0 || group > 65535 {
			t.Errorf("%q: group %d", text, group)
		}
	})
}

// FuzzSessions parses sessions in /sys, whose names come from a server.
func FuzzSessions(f *testing.F) {
	const place = "../../devices/platform/host3/session1/iscsi_session/session1"
	f.Add("session1", place, disks+"\n", "127.0.0.1\n", "LOGGED_IN\n")
	f.Add("sessionx", "../../devices/platform/host99999999999999999999/session1/x", "\x00", "[::1]", "")
	f.Add("x", "", "", "", "")
	f.Fuzz(func(t *testing.T, name, place, target, address, state string) {
		sys := fstest.MapFS{}
		for file, text := range map[string]string{
			"targetname": target, "state": state, "../../iscsi_connection/connection1:0/persistent_address": address,
		} {
			if at := path.Join(sessionClass, place, file); fs.ValidPath(at) {
				sys[at] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		if at := sessionClass + "/" + name; fs.ValidPath(at) {
			sys[at] = &fstest.MapFile{Data: []byte(place), Mode: fs.ModeSymlink}
		}
		all, _ := readSessions(sys)
		for _, s := range all {
			if s.host < 0 || len(s.target) > len(target) || !strings.HasPrefix(name, "session") {
				t.Errorf("%+v", s)
			}
		}
	})
}

// TestLyingServer checks that invalid targets and groups are ignored.
func TestLyingServer(t *testing.T) {
	const good = "iqn.2026-01.lab:good"
	for _, name := range []string{
		"../x", "iqn.x/../y", "-x", "iqn.", "iqn.\x1b[m", "iqn.a\"b", "eui.$(x)", "iqn." + strings.Repeat("n", 220),
	} {
		said := ""
		for _, target := range []string{name, good, good} {
			said += "192.0.2.1:3260,1 " + target + "\n"
		}
		b := New(cannedHost{&host.Local{}, said}, nil, far)
		found, err := b.Discover(t.Context(), server1)
		if err != nil || len(found) != 1 || found[0].Devices[0].Path != good {
			t.Errorf("%q: found %+v, error %v", name, found, err)
		}
	}
	for text, want := range map[string]int{
		"192.0.2.1:3260,65535 " + disks:                                               65535,
		"192.0.2.1:3260,65536 " + disks:                                               1,
		"192.0.2.1:3260,9223372036854775808 " + disks:                                 1,
		"192.0.2.1:3260,9223372036854775808 " + disks + "\n192.0.2.1:3260,2 " + disks: 2,
		"": 1,
	} {
		b := New(cannedHost{&host.Local{}, text}, nil, far)
		if got := b.group(t.Context(), disks, portal{"192.0.2.1", 3260}, ""); got != want {
			t.Errorf("%q: group %d, want %d", text, got, want)
		}
	}
}

// TestDirectLyingServer checks that invalid targets are ignored.
func TestDirectLyingServer(t *testing.T) {
	found := sources([]string{"../x", "", "iqn.2026-01.lab:good", "iqn.\x1b[m", "iqn.a\nb", "-x"}, server1)
	if len(found) != 1 || found[0].Devices[0].Path != "iqn.2026-01.lab:good" {
		t.Errorf("found %+v", found)
	}
}

// TestDirectHungUp uses a server that closes the connection during the login.
func TestDirectHungUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_, _ = io.ReadFull(c, make([]byte, 48))
			c.Close()
		}
	}()
	at := pooldef.Host{Name: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	spec := &pooldef.Source{Hosts: []pooldef.Host{at}, Initiator: "iqn.2026-01.lab:direct"}
	_, err = newDirect().Discover(t.Context(), spec)
	state, want := (*backend.StateError)(nil), fmt.Sprintf(
		"the server 127.0.0.1:%d refuses the login: the target closed the connection", at.Port,
	)
	if !errors.As(err, &state) || state.Text != want {
		t.Errorf("error %v", err)
	}
}
