package codec

import (
	"strings"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// source reads a pool's source. It reports missing parts that the type requires, and warns about parts that
// the type does not use.
func (r *reader) source(s *pooldef.Source, e *xmltree.Element, info *pooldef.TypeInfo) {
	for _, part := range []struct {
		name string
		need pooldef.Need
		read func()
	}{
		{"host", info.Host, func() { s.Hosts = r.hosts(e) }},
		{"device", info.Device, func() { s.Devices = r.devices(e) }},
		{"dir", info.Dir, func() { s.Dir = r.dir(e, info) }},
		{"adapter", info.Adapter, func() { s.Adapter = r.adapter(r.child(e, "adapter")) }},
		{"name", info.Name, func() { s.Name = r.text(e, "name") }},
		{"initiator", info.Initiator, func() { s.Initiator = r.initiator(e, info) }},
	} {
		switch found := e.Child(part.name); {
		case part.need == pooldef.Unused:
			r.warnUnused(found, info)
		case found != nil:
			part.read()
		case part.need == pooldef.Required && part.name != "name": // the name defaults to the pool's name
			r.problem(e, part.name, "missing: pools of type %s need it", info.Type)
		}
	}
	r.checkPathLength(e, "name", s.Name)
	if info.Type == pooldef.Gluster && s.Dir == "" {
		s.Dir = "/"
	}
	if info.Type == pooldef.RBD && s.Name == "" {
		r.problem(e, "name", "missing: it is the name of the RADOS pool")
	}
	s.Auth = r.auth(e)
	s.Vendor, s.Product = r.vendorOrProduct(e, "vendor"), r.vendorOrProduct(e, "product")
	r.format(e, s, info)
	r.protocol(e, s, info)
	if s.Auth != nil && s.Auth.Type == "cifs" && (info.Type != pooldef.NetFS || s.Format != "cifs") {
		r.problem(e.Child("auth"), "@type", "only netfs pools of format cifs have a login of type cifs")
	}
}

func (r *reader) dir(e *xmltree.Element, info *pooldef.TypeInfo) string {
	dir := r.child(e, "dir")
	path := cleanPath(r.attr(dir, "path"))
	r.checkPathLength(dir, "@path", path)
	if path == "" && info.Dir == pooldef.Required {
		r.problem(dir, "@path", "missing")
	}
	return path
}

func (r *reader) initiator(e *xmltree.Element, info *pooldef.TypeInfo) string {
	name := r.attr(r.child(e, "initiator/iqn"), "name")
	if name == "" && info.Initiator == pooldef.Required {
		r.problem(e, "initiator/iqn/@name", "missing")
	}
	return name
}

// vendorOrProduct reads vendor or product. libvirt's schema also allows them inside the format.
func (r *reader) vendorOrProduct(e *xmltree.Element, name string) string {
	if value := r.attr(r.child(e, name), "name"); value != "" {
		return value
	}
	return r.attr(r.child(e, "format/"+name), "name")
}

func (r *reader) hosts(e *xmltree.Element) []pooldef.Host {
	var hosts []pooldef.Host
	for _, h := range r.children(e, "host") {
		host := pooldef.Host{Name: r.attr(h, "name"), Port: r.port(h)}
		if host.Name == "" {
			r.problem(h, "@name", "missing")
		}
		hosts = append(hosts, host)
	}
	return hosts
}

func (r *reader) devices(e *xmltree.Element) []pooldef.Device {
	var devices []pooldef.Device
	for _, d := range r.children(e, "device") {
		device := pooldef.Device{Path: r.attr(d, "path"), PartSeparator: r.yesNo(d, "part_separator")}
		if device.Path == "" {
			r.problem(d, "@path", "missing")
		}
		r.checkPathLength(d, "@path", device.Path)
		r.printed(d, "freeExtent+/@start", "freeExtent+/@end")
		devices = append(devices, device)
	}
	return devices
}

func (r *reader) format(e *xmltree.Element, s *pooldef.Source, info *pooldef.TypeInfo) {
	f := r.child(e, "format")
	if len(info.Formats) == 0 {
		r.warnUnused(f, info)
	} else if s.Format = r.choice(f, "type", info.Formats...); s.Format == "" {
		s.Format = info.DefaultFormat()
	}
}

// protocol reads the NFS version to mount with.
func (r *reader) protocol(e *xmltree.Element, s *pooldef.Source, info *pooldef.TypeInfo) {
	at := r.child(e, "protocol")
	if info.Type != pooldef.NetFS {
		r.warnUnused(at, info)
		return
	}
	if s.Protocol = r.attr(at, "ver"); s.Protocol == "" {
		return
	}
	if s.Format != "nfs" && s.Format != "auto" {
		r.problem(at, "", "only netfs pools of format nfs or auto have a protocol version")
	}
	if strings.Contains(s.Protocol, ",") { // the value becomes part of a mount option
		r.problem(at, "@ver", "%q must not contain ','", s.Protocol)
	}
}

func (r *reader) auth(e *xmltree.Element) *pooldef.Auth {
	at := r.child(e, "auth")
	if at == nil {
		return nil
	}
	auth := &pooldef.Auth{Type: r.choice(at, "type", "chap", "ceph", "cifs")}
	auth.Username = r.attr(at, "username")
	if auth.Type == "" {
		r.problem(at, "@type", "missing; it is chap, ceph or cifs")
	}
	if auth.Username == "" {
		r.problem(at, "@username", "missing")
	}
	if auth.Type == "cifs" && strings.Contains(auth.Username, ",") { // it becomes part of a mount option
		r.problem(at, "@username", "%q must not contain ','", auth.Username)
	}
	secret := r.child(at, "secret")
	if secret == nil {
		r.problem(at, "secret", "missing")
		return auth
	}
	auth.Secret = r.secret(secret)
	return auth
}

func (r *reader) secret(e *xmltree.Element) pooldef.SecretRef {
	s := pooldef.SecretRef{Type: r.attr(e, "type"), UUID: r.attr(e, "uuid"), Usage: r.attr(e, "usage")}
	switch {
	case s.UUID == "" && s.Usage == "":
		r.problem(e, "", "neither uuid nor usage is given")
	case s.UUID != "" && s.Usage != "":
		r.problem(e, "", "uuid and usage are both given")
	case s.UUID != "":
		uuid, ok := pooldef.ParseUUID(s.UUID)
		if !ok {
			r.problem(e, "@uuid", "%q is not a uuid", s.UUID)
		}
		s.UUID = uuid
	}
	return s
}

// cleanPath cleans a path as libvirt does: several slashes become one, and a trailing slash is dropped.
// Exactly two leading slashes stay, because POSIX gives them a meaning. A URI is returned unchanged.
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

// ReadSource reads a <source> document, which describes where find-storage-pool-sources searches. As in
// virsh, it can only be XML.
func ReadSource(file string, data []byte, info *pooldef.TypeInfo) (pooldef.Source, error) {
	doc, err := parseDocument(file, data, nil)
	if err != nil {
		return pooldef.Source{}, err
	}
	r := newReader(doc)
	root := doc.root
	if root.Name != "source" {
		r.problem(root, "", "the root element is <%s>, not <source>", root.Name)
		return pooldef.Source{}, r.failed()
	}
	s := pooldef.Source{Hosts: r.hosts(root), Devices: r.devices(root), Name: r.text(root, "name"),
		Initiator: r.attr(r.child(root, "initiator/iqn"), "name"), Auth: r.auth(root)}
	r.format(root, &s, info)
	if _, err := r.done(false); err != nil {
		return pooldef.Source{}, err
	}
	return s, nil
}
