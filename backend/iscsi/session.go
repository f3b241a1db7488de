package iscsi

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend/host"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// A session is a session of the kernel with a target, as in /sys/class/iscsi_session and iscsi_connection.
type session struct {
	id        string
	host      int
	target    string
	state     string // LOGGED_IN, FAILED or FREE
	iface     string // open-iscsi's interface; poolctl creates one for each pool
	initiator string
	addresses []string // of the portal: as given, and as resolved
	ports     []string
}

func (s session) isConnected() bool { return s.state == "LOGGED_IN" }

// interfacePrefix is the prefix of the names of poolctl's interfaces.
const interfacePrefix = "poolctl-"

// interfaceOf returns the name of the interface for a pool's sessions. The interface distinguishes them from
// other sessions, and stores the initiator's name.
func interfaceOf(p *pooldef.Pool) string { return interfacePrefix + p.UUID }

func (s session) belongsTo(p *pooldef.Pool) bool { return s.iface == interfaceOf(p) }

// sessions returns the sessions that a pool can use: those with its target, at one of its portals, with its
// initiator name. It omits sessions that poolctl created for another pool.
func (b *Backend) sessions(ctx context.Context, p *pooldef.Pool, t target) ([]session, error) {
	all, err := readSessions(b.Host.Sys())
	if err != nil {
		return nil, err
	}
	var found []session
	for _, s := range all {
		others := strings.HasPrefix(s.iface, interfacePrefix) && !s.belongsTo(p)
		if s.target != t.iqn || others || p.Source.Initiator != "" && s.initiator != p.Source.Initiator {
			continue
		}
		if slices.ContainsFunc(t.portals, func(at portal) bool { return b.isAt(ctx, s, at) }) {
			found = append(found, s)
		}
	}
	return found, nil
}

// isAt reports whether a session is with a portal. It compares addresses, and resolves the portal's name if
// necessary.
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
	addresses, _ := b.Host.Addresses(ctx, at.host, b.timeout) // a name that does not resolve matches no session
	return slices.ContainsFunc(addresses, func(known netip.Addr) bool {
		return slices.ContainsFunc(s.addresses, func(a string) bool { return sameHost(a, known.String()) })
	})
}

// sameHost compares two names or addresses. Different notations of an address are equal.
func sameHost(a, b string) bool {
	x, err := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if err != nil || errY != nil {
		return strings.EqualFold(a, b)
	}
	return x.Unmap() == y.Unmap()
}

// hostAbove matches the SCSI host in the device path of a session.
var hostAbove = lazy.Regexp(`/host(\d+)/session\d+/`)

const sessionClass, connectionClass = "class/iscsi_session", "class/iscsi_connection"

// readSessions returns all sessions.
func readSessions(sys fs.FS) ([]session, error) {
	entries, err := fs.ReadDir(sys, sessionClass)
	if errors.Is(err, fs.ErrNotExist) { // iSCSI has never been used
		return nil, nil
	}
	var all []session
	for _, e := range entries {
		says := func(file string) string { return host.ReadSys(sys, sessionClass, e.Name(), file) }
		place, _ := fs.ReadLink(sys, sessionClass+"/"+e.Name())
		m := hostAbove().FindStringSubmatch(place)
		id, ok := strings.CutPrefix(e.Name(), "session")
		if m == nil || !ok { // the session is being removed
			continue
		}
		s := session{
			id:        id,
			target:    says("targetname"),
			state:     says("state"),
			iface:     says("ifacename"),
			initiator: says("initiatorname"),
		}
		s.host, _ = strconv.Atoi(m[1])
		connection := func(file string) string {
			return host.ReadSys(
				sys, connectionClass, "connection"+id+":0", file,
			)
		}
		s.addresses = []string{connection("persistent_address"), connection("address")}
		s.ports = []string{connection("persistent_port"), connection("port")}
		all = append(all, s)
	}
	return all, err
}
