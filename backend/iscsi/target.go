package iscsi

import (
	"cmp"
	"fmt"
	"net"
	"strconv"

	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// defaultPort is the port of iSCSI (RFC 7143).
const defaultPort = 3260

// A target is the target that a pool uses, at each of the portals.
type target struct {
	iqn     string
	portals []portal
}

// A portal is the address of a server. An IPv6 address has no brackets.
type portal struct {
	host string
	port int
}

// String returns the portal as written in messages and for iscsiadm(8).
func (p portal) String() string { return net.JoinHostPort(p.host, strconv.Itoa(p.port)) }

// isName reports whether a name is valid for targets and initiators (RFC 7143, 4.2.7). Names are used as file
// names.
var isName = lazy.Regexp(`^(iqn|eui|naa)\.[A-Za-z0-9._:-]{1,219}$`)

// targetOf returns the target that a definition names.
func targetOf(p *pooldef.Pool) (target, error) {
	var t target
	if len(p.Source.Devices) != 1 {
		return t, pooldef.Problems{{
			Element: "source/device",
			Text: fmt.Sprintf(
				"%d devices are given; a pool of type %s has one, the target name", len(p.Source.Devices), p.Type,
			),
		}}
	}
	if t.iqn = p.Source.Devices[0].Path; !isName().MatchString(t.iqn) {
		return t, pooldef.Problems{{
			Element: "source/device/@path",
			Text:    fmt.Sprintf("%q is not the name of a target, such as iqn.2013-06.com.example:disks", t.iqn),
		}}
	}
	if name := p.Source.Initiator; name != "" && !isName().MatchString(name) {
		return t, pooldef.Problems{{
			Element: "source/initiator/iqn",
			Text: fmt.Sprintf(
				"%q is not the name of an initiator, such as iqn.2013-06.com.example:this-machine", name,
			),
		}}
	}
	var err error
	t.portals, err = portalsOf(&p.Source)
	return t, err
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	_, err := targetOf(p)
	return cmp.Or(err, checkLogin(p.Source.Auth))
}

// CheckDefinition implements backend.DefinitionChecker.
func (d *Direct) CheckDefinition(p *pooldef.Pool) error {
	_, err := directTarget(p)
	return cmp.Or(err, checkLogin(p.Source.Auth))
}

func portalsOf(s *pooldef.Source) ([]portal, error) {
	if len(s.Hosts) == 0 {
		return nil, pooldef.Problems{{Element: "source/host", Text: "missing: the server"}}
	}
	var portals []portal
	for _, h := range withPorts(s.Hosts) {
		name, err := h.Address()
		if err != nil {
			return nil, err
		}
		portals = append(portals, portal{name, h.Port})
	}
	return portals, nil
}
