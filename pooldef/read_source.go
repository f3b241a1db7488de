package pooldef

import (
	"math"
	"regexp"
	"strings"

	"poolctl/format"
)

// source reads a pool's source and says what is missing for the type, and what the type does not keep.
func (r *reader) source(e *format.Element, info *TypeInfo) Source {
	s := Source{
		Hosts: r.hosts(e), Devices: r.devices(e), Dir: cleanPath(r.attr(r.child(e, "dir"), "path")),
		Adapter: r.adapter(e), Name: r.text(e, "name"), Initiator: r.attr(r.child(e, "initiator/iqn"), "name"),
		Auth: r.auth(e), Protocol: r.attr(r.child(e, "protocol"), "ver"),
	}
	s.Vendor, s.Product = r.maker(e, "vendor"), r.maker(e, "product")
	if info.Type == Gluster && s.Dir == "" {
		s.Dir = "/"
	}
	r.format(e, &s, info)
	r.protocol(e, &s, info)
	for _, part := range []struct {
		name  string
		need  Need
		given bool
	}{
		{"host", info.Host, len(s.Hosts) > 0}, {"device", info.Device, len(s.Devices) > 0}, {"dir", info.Dir, s.Dir != ""},
		{"adapter", info.Adapter, s.Adapter != nil}, {"initiator", info.Initiator, s.Initiator != ""},
	} {
		if part.need == Required && !part.given && e.Child(part.name) == nil {
			r.problem(e, part.name, "missing: a pool of type %s cannot do without", info.Type)
		}
		if found := e.Child(part.name); part.need == Unused && found != nil {
			r.unused(found, info)
		}
	}
	switch {
	case info.Name == Unused && s.Name != "":
		r.unused(e.Child("name"), info)
	case info.Type == RBD && s.Name == "":
		r.problem(e, "name", "missing: it is the name of the RADOS pool")
	}
	return s
}

// maker reads vendor or product; libvirt's schema allows them inside the format, too.
func (r *reader) maker(e *format.Element, name string) string {
	if value := r.attr(r.child(e, name), "name"); value != "" {
		return value
	}
	return r.attr(r.child(e, "format/"+name), "name")
}

func (r *reader) hosts(e *format.Element) []Host {
	var hosts []Host
	for _, h := range r.children(e, "host") {
		host := Host{Name: r.attr(h, "name"), Port: r.port(h)}
		if host.Name == "" {
			r.problem(h, "@name", "missing")
		}
		hosts = append(hosts, host)
	}
	return hosts
}

func (r *reader) devices(e *format.Element) []Device {
	var devices []Device
	for _, d := range r.children(e, "device") {
		device := Device{Path: r.attr(d, "path"), PartSeparator: r.yesNo(d, "part_separator")}
		if device.Path == "" {
			r.problem(d, "@path", "missing")
		}
		for _, x := range r.children(d, "freeExtent") { // output only
			r.attr(x, "start")
			r.attr(x, "end")
		}
		devices = append(devices, device)
	}
	return devices
}

func (r *reader) format(e *format.Element, s *Source, info *TypeInfo) {
	f := r.child(e, "format")
	value := r.attr(f, "type")
	if len(info.Formats) == 0 {
		if f != nil {
			r.unused(f, info)
		}
		return
	}
	if s.Format = r.word(f, "@type", value, info.Formats...); s.Format == "" {
		s.Format = info.DefaultFormat()
	}
}

// protocol checks the version of NFS to mount with.
func (r *reader) protocol(e *format.Element, s *Source, info *TypeInfo) {
	if s.Protocol == "" {
		return
	}
	at := e.Child("protocol")
	if info.Type != NetFS || s.Format != "nfs" && s.Format != "auto" {
		r.problem(at, "", "only netfs pools of format nfs or auto have a protocol version")
	}
	if strings.Contains(s.Protocol, ",") { // it becomes part of a mount option
		r.problem(at, "@ver", "%q must not contain ','", s.Protocol)
	}
}

func (r *reader) auth(e *format.Element) *Auth {
	at := r.child(e, "auth")
	if at == nil {
		return nil
	}
	auth := &Auth{Type: r.attr(at, "type"), Username: r.attr(at, "username")}
	if auth.Type == "" {
		r.problem(at, "@type", "missing; it is chap or ceph")
	}
	r.word(at, "@type", auth.Type, "chap", "ceph")
	if auth.Username == "" {
		r.problem(at, "@username", "missing")
	}
	secret := r.child(at, "secret")
	if secret == nil {
		r.problem(at, "secret", "missing")
		return auth
	}
	auth.Secret = r.secret(secret)
	return auth
}

func (r *reader) secret(e *format.Element) SecretRef {
	s := SecretRef{Type: r.attr(e, "type"), UUID: r.attr(e, "uuid"), Usage: r.attr(e, "usage")}
	switch {
	case s.UUID == "" && s.Usage == "":
		r.problem(e, "", "neither uuid nor usage is given")
	case s.UUID != "" && s.Usage != "":
		r.problem(e, "", "uuid and usage are both given")
	case s.UUID != "":
		uuid, ok := ParseUUID(s.UUID)
		if !ok {
			r.problem(e, "@uuid", "%q is not a uuid", s.UUID)
		}
		s.UUID = uuid
	}
	return s
}

// adapter reads a SCSI adapter: by type, or, in the form that libvirt had first, a name alone.
func (r *reader) adapter(e *format.Element) *Adapter {
	at := r.child(e, "adapter")
	if at == nil {
		return nil
	}
	a := &Adapter{Type: r.attr(at, "type"), Name: r.attr(at, "name"), ParentName: r.attr(at, "parent"),
		ParentWWNN: r.wwn(at, "parent_wwnn"), ParentWWPN: r.wwn(at, "parent_wwpn"), ParentFabricWWN: r.wwn(at, "parent_fabric_wwn"),
		Managed: r.yesNo(at, "managed"), WWNN: r.wwn(at, "wwnn"), WWPN: r.wwn(at, "wwpn")}
	a.Parent = r.parentAddress(at)
	switch a.Type {
	case "":
		if a.WWNN+a.WWPN+a.ParentName != "" || a.Parent != nil {
			r.problem(at, "@type", "missing: wwnn, wwpn, parent and parentaddr need it")
		} else if a.Name == "" {
			r.problem(at, "@name", "missing")
		}
		a.Type = "scsi_host"
	case "scsi_host":
		if (a.Name == "") == (a.Parent == nil) {
			r.problem(at, "", "a scsi_host has either a name or a parentaddr")
		}
	case "fc_host":
		r.fcHost(at, a)
	default:
		r.word(at, "@type", a.Type, "scsi_host", "fc_host")
	}
	return a
}

func (r *reader) fcHost(at *format.Element, a *Adapter) {
	if a.WWNN == "" || a.WWPN == "" {
		r.problem(at, "", "an fc_host needs wwnn and wwpn")
	}
	if (a.ParentWWNN == "") != (a.ParentWWPN == "") {
		r.problem(at, "", "parent_wwnn and parent_wwpn go together")
	}
}

var wwn = regexp.MustCompile(`^(0x)?[0-9a-fA-F]{16}$`)

func (r *reader) wwn(e *format.Element, attr string) string {
	value := r.attr(e, attr)
	if value != "" && !wwn.MatchString(value) {
		r.problem(e, "@"+attr, "%q is not a world-wide name: 16 hexadecimal digits", value)
	}
	return value
}

func (r *reader) parentAddress(adapter *format.Element) *ParentAddress {
	e := r.child(adapter, "parentaddr")
	if e == nil {
		return nil
	}
	p := &ParentAddress{UniqueID: int(r.number(e, "unique_id", 10, math.MaxInt32))}
	if r.attr(e, "unique_id") == "" {
		r.problem(e, "@unique_id", "missing")
	}
	address := r.child(e, "address")
	if address == nil {
		r.problem(e, "address", "missing: the PCI address")
		return p
	}
	p.Domain, p.Bus = r.number(address, "domain", 0, 0xffff), r.number(address, "bus", 0, 0xff)
	p.Slot, p.Function = r.number(address, "slot", 0, 0x1f), r.number(address, "function", 0, 7)
	return p
}

// cleanPath does what libvirt does to the paths of pools: runs of slashes become one, a trailing one goes; two leading
// ones stay two (POSIX gives them a meaning); a URI stays as it is.
func cleanPath(path string) string {
	if scheme := strings.Index(path, "://"); scheme >= 0 && !strings.Contains(path[:scheme], "/") {
		return path
	}
	exactlyTwo := strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///")
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if exactlyTwo {
		path = "/" + path
	}
	return path
}

// ReadSource reads a document <source>, which says where to look for sources of pools.
func ReadSource(file string, data []byte, info *TypeInfo) (Source, error) {
	doc, err := parseDocument(file, data, nil)
	if err != nil {
		return Source{}, err
	}
	r := newReader(doc)
	if doc.root.Name != "source" {
		r.problem(doc.root, "", "the root element is <%s>, not <source>", doc.root.Name)
		return Source{}, r.problems
	}
	root := doc.root
	s := Source{Hosts: r.hosts(root), Devices: r.devices(root), Name: r.text(root, "name"),
		Initiator: r.attr(r.child(root, "initiator/iqn"), "name"), Auth: r.auth(root)}
	r.format(root, &s, info)
	if len(r.problems) > 0 {
		return Source{}, r.problems
	}
	return s, nil
}
