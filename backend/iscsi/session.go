package iscsi

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend/host"
	"poolctl/pooldef"
)

// A session is one of the kernel's with a target, as /sys/class/iscsi_session and iscsi_connection show it.
type session struct {
	id        string
	host      int
	target    string
	state     string // LOGGED_IN; FAILED; FREE
	iface     string // open-iscsi's interface, which poolctl makes one of for each pool
	initiator string
	addresses []string // of the portal: as it was given, and what that was resolved to
	ports     []string
}

func (s session) isConnected() bool { return s.state == "LOGGED_IN" }

// prefix is what the names of poolctl's interfaces begin with.
const prefix = "poolctl-"

// interfaceOf is the interface that a pool's sessions are made by. It tells them from others', and holds the initiator's name.
func interfaceOf(p *pooldef.Pool) string { return prefix + p.UUID }

func (s session) isOf(p *pooldef.Pool) bool { return s.iface == interfaceOf(p) }

// sessions returns the sessions that a pool uses: with its target, at one of its portals, as its initiator. Those that poolctl has made for
// another pool are that one's.
func (b *Backend) sessions(ctx context.Context, p *pooldef.Pool, t target) ([]session, error) {
	all, err := read(b.Host.Sys())
	if err != nil {
		return nil, err
	}
	var found []session
	for _, s := range all {
		others := strings.HasPrefix(s.iface, prefix) && !s.isOf(p)
		if s.target != t.iqn || others || p.Source.Initiator != "" && s.initiator != p.Source.Initiator {
			continue
		}
		if slices.ContainsFunc(t.portals, func(at portal) bool { return b.isAt(ctx, s, at) }) {
			found = append(found, s)
		}
	}
	return found, nil
}

// isAt tells whether a session is with a portal, by whatever name or address.
func (b *Backend) isAt(ctx context.Context, s session, at portal) bool {
	if !slices.Contains(s.ports, strconv.Itoa(at.port)) {
		return false
	}
	if slices.ContainsFunc(s.addresses, func(a string) bool { return sameHost(a, at.host) }) {
		return true
	}
	if _, err := netip.ParseAddr(at.host); err == nil {
		return false
	}
	addresses, _ := b.Host.Addresses(ctx, at.host, b.timeout) // a name that nobody knows is no session's
	return slices.ContainsFunc(addresses, func(known netip.Addr) bool {
		return slices.ContainsFunc(s.addresses, func(a string) bool { return sameHost(a, known.String()) })
	})
}

// sameHost compares addresses, which can be written in several ways, or names.
func sameHost(a, b string) bool {
	x, err := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if err != nil || errY != nil {
		return strings.EqualFold(a, b)
	}
	return x.Unmap() == y.Unmap()
}

// hostAbove finds in the place of a session in the tree of devices the SCSI host that it is below.
var hostAbove = regexp.MustCompile(`/host(\d+)/session\d+/`)

const sessionClass, connectionClass = "class/iscsi_session", "class/iscsi_connection"

// read lists all sessions.
func read(sys fs.FS) ([]session, error) {
	entries, err := fs.ReadDir(sys, sessionClass)
	if errors.Is(err, fs.ErrNotExist) { // iSCSI has never been used
		return nil, nil
	}
	var all []session
	for _, e := range entries {
		says := func(file string) string { return host.ReadSys(sys, sessionClass, e.Name(), file) }
		place, _ := fs.ReadLink(sys, sessionClass+"/"+e.Name())
		m := hostAbove.FindStringSubmatch(place)
		id, ok := strings.CutPrefix(e.Name(), "session")
		if m == nil || !ok { // it is going
			continue
		}
		s := session{id: id, target: says("targetname"), state: says("state"), iface: says("ifacename"), initiator: says("initiatorname")}
		s.host, _ = strconv.Atoi(m[1])
		connection := func(file string) string { return host.ReadSys(sys, connectionClass, "connection"+id+":0", file) }
		s.addresses = []string{connection("persistent_address"), connection("address")}
		s.ports = []string{connection("persistent_port"), connection("port")}
		all = append(all, s)
	}
	return all, err
}
