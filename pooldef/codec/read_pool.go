package codec

import (
	"math"
	"path/filepath"
	"slices"
	"strings"

	"poolctl/format/lazy"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// ReadPool reads a pool's definition, XML or YAML, and checks it against pooldef.Types. file is the
// document's name in messages; the suffix .xml marks XML. ReadPool returns the pool and warnings, or
// Problems, all at once. Unknown XML elements are warnings, or problems if strict. A definition without a
// UUID returns a pool without one.
//
// A document with parts that only diff and apply use is a problem; ReadStored ignores these parts.
func ReadPool(file string, data []byte, strict bool) (*pooldef.Pool, []pooldef.Problem, error) {
	doc, err := parseDocument(file, data, poolKeys)
	if err != nil {
		return nil, nil, err
	}
	for _, key := range []string{"state", "volumes"} {
		if value := doc.apart[key]; value != nil {
			const text = "only diff and apply read it: poolctl apply FILE"
			doc.problems = append(doc.problems,
				pooldef.Problem{File: file, Line: value.Line, Element: key, Text: text})
		}
	}
	return readPool(doc, strict)
}

// ReadStored is ReadPool for a file of the config directory, which may also say which state and which volumes
// the pool should have.
func ReadStored(file string, data []byte, strict bool) (*pooldef.Pool, []pooldef.Problem, error) {
	doc, err := parseDocument(file, data, poolKeys)
	if err != nil {
		return nil, nil, err
	}
	return readPool(doc, strict)
}

// PoolFromElement reads a pool's definition from a tree that was not parsed from a document.
func PoolFromElement(e *xmltree.Element) (*pooldef.Pool, error) {
	p, _, err := readPool(&document{root: e}, false)
	return p, err
}

func readPool(doc *document, strict bool) (*pooldef.Pool, []pooldef.Problem, error) {
	r := newReader(doc)
	p := &pooldef.Pool{}
	if doc.root.Name != "pool" {
		r.problem(doc.root, "", "the root element is <%s>, not <pool>", doc.root.Name)
		return nil, nil, r.failed()
	}
	p.Type = pooldef.Type(r.rawAttr(doc.root, "type"))
	info := p.Type.Info()
	if info == nil { // what else is required depends on the type
		types := strings.Join(pooldef.TypeNames(), ", ")
		if p.Type == "" {
			r.problem(doc.root, "@type", "missing; it is one of %s", types)
		} else {
			r.problem(doc.root, "@type", "%q is not one of %s%s", p.Type, types, typeMeant(string(p.Type)))
		}
		return nil, nil, r.failed()
	}
	r.pool(p, info)
	warnings, err := r.done(strict)
	if err != nil {
		return nil, warnings, err
	}
	return p, warnings, nil
}

func (r *reader) pool(p *pooldef.Pool, info *pooldef.TypeInfo) {
	root := r.doc.root
	r.printed(root, "capacity", "capacity/@unit", "allocation", "allocation/@unit", "available",
		"available/@unit")
	source := r.child(root, "source")
	if source == nil {
		source = &xmltree.Element{Line: root.Line}
		r.paths[source] = "source"
	}
	r.source(&p.Source, source, info)
	r.names(p, info)
	p.UUID = r.uuid()
	cow := r.child(root, "features/cow")
	p.COW = r.yesNo(cow, "state")
	if p.COW != nil && info.COW == pooldef.Unused {
		r.problem(cow, "", "only pools of types dir and fs support cow")
	}
	r.target(p, info)
	p.Refresh = r.choice(r.child(root, "refresh/volume"), "allocation", "default", "capacity")
	r.extensions(p, info)
	p.ManagedBy = r.managedBy()
}

// managedBy reads the name of the set whose apply wrote the definition.
func (r *reader) managedBy() string {
	set := r.doc.managedBy
	if node := r.doc.apart["managed_by"]; node != nil {
		set = node.Value
		if text := pooldef.CheckSetName(set); text != "" {
			r.problems = append(r.problems,
				pooldef.Problem{File: r.doc.file, Line: node.Line, Element: "managed_by", Text: text})
		}
	}
	return set
}

// names reads the pool's name. In types with a required source name, each of the two names defaults to the
// other.
func (r *reader) names(p *pooldef.Pool, info *pooldef.TypeInfo) {
	root := r.doc.root
	p.Name = r.text(root, "name")
	at := root.Child("name")
	if info.Name == pooldef.Required && p.Type != pooldef.RBD && p.Source.Name == "" {
		p.Source.Name = p.Name
	}
	if info.Name == pooldef.Required && p.Name == "" {
		p.Name, at = p.Source.Name, r.child(root, "source/name")
	}
	switch text := pooldef.CheckName(p.Name); {
	case p.Name == "":
		r.problem(root, "name", "missing")
	case text != "":
		r.problem(at, "", "%s", text)
	}
}

func (r *reader) target(p *pooldef.Pool, info *pooldef.TypeInfo) {
	target := r.child(r.doc.root, "target")
	if info.Target == pooldef.Unused {
		r.warnUnused(target, info)
		return
	}
	path := cleanPath(r.text(target, "path"))
	r.checkPathLength(r.doc.root, "target/path", path)
	if target != nil {
		p.Target.Permissions = r.permissions(target)
	}
	switch {
	case info.FixedTarget != "":
		p.Target.Path = r.fixedTarget(path, p.Source.Name, info)
		return
	case path == "":
		r.problem(r.doc.root, "target/path", "missing")
	case !strings.HasPrefix(path, "/"):
		r.problem(r.doc.root, "target/path", "%q is not an absolute path", path)
	}
	p.Target.Path = path
}

// fixedTarget returns the target that the source's name determines, and warns if the definition gives another
// one.
func (r *reader) fixedTarget(path, name string, info *pooldef.TypeInfo) string {
	if name != "" && (name == "." || !filepath.IsLocal(name) || filepath.Clean(name) != name) {
		r.problem(r.doc.root, "source/name", "%q cannot be a name below %s", name, info.FixedTarget)
	}
	fixed := info.FixedTarget + name
	if path != "" && path != fixed {
		r.warn(r.doc.root, "target/path", "in a pool of type %s it is always %q", info.Type, fixed)
	}
	return fixed
}

// warnUnused warns about a part that pools of this type do not use.
func (r *reader) warnUnused(e *xmltree.Element, info *pooldef.TypeInfo) {
	if e != nil {
		r.warn(e, "", "pools of type %s do not use it", info.Type)
		r.skip(e)
	}
}

// extensions reads libvirt's extensions and poolctl's own settings.
func (r *reader) extensions(p *pooldef.Pool, info *pooldef.TypeInfo) {
	mount, config := r.child(r.doc.root, "fs:mount_opts"), r.child(r.doc.root, "rbd:config_opts")
	if info.MountOpts == pooldef.Unused {
		r.warnUnused(mount, info)
	} else if mount != nil {
		p.MountOptions = r.mountOptions(mount)
	}
	if info.Type != pooldef.RBD {
		r.warnUnused(config, info)
	} else if config != nil {
		p.Config = r.config(config)
	}
	own := r.child(r.doc.root, "?poolctl")
	if must := r.yesNo(own, "mount_point"); must != nil && *must {
		p.MountPoint = true
		if info.Target != pooldef.Required {
			r.problem(own, "@mount_point", "pools of type %s have no directory", info.Type)
		}
	}
	p.ThinPool = r.attr(own, "thin_pool")
	switch {
	case p.ThinPool == "":
	case info.Type != pooldef.Logical:
		r.problem(own, "@thin_pool", "pools of type %s have no thin pools", info.Type)
	case !isLVMName().MatchString(p.ThinPool):
		r.problem(own, "@thin_pool", "%q cannot be the name of a thin pool", p.ThinPool)
	}
	r.mutualLogin(own, p)
	p.Check = r.checkSettings(r.child(r.doc.root, "?check"))
}

// mutualLogin reads the login with which an iSCSI target proves its identity.
func (r *reader) mutualLogin(own *xmltree.Element, p *pooldef.Pool) {
	user := r.attr(own, "mutual_username")
	uuid, usage := r.attr(own, "mutual_secret_uuid"), r.attr(own, "mutual_secret_usage")
	if user+uuid+usage == "" {
		return
	}
	isISCSI := p.Type == pooldef.ISCSI || p.Type == pooldef.ISCSIDirect
	if !isISCSI || p.Source.Auth == nil || p.Source.Auth.Type != "chap" {
		r.problem(own, "@mutual_username",
			"mutual CHAP is only for iscsi and iscsi-direct pools with a login of type chap")
		return
	}
	if user == "" {
		r.problem(own, "@mutual_username", "missing")
	}
	if (uuid == "") == (usage == "") {
		r.problem(own, "@mutual_secret_uuid", "give this or mutual_secret_usage")
	}
	if id, ok := pooldef.ParseUUID(uuid); ok {
		uuid = id
	} else if uuid != "" {
		r.problem(own, "@mutual_secret_uuid", "%q is not a uuid", uuid)
	}
	p.Source.Auth.Mutual = &pooldef.Login{Username: user, Secret: pooldef.SecretRef{UUID: uuid, Usage: usage}}
}

// isLVMName reports whether a logical volume can have a name (lvm(8), valid names).
var isLVMName = lazy.Regexp(`^[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*$`)

func (r *reader) mountOptions(e *xmltree.Element) []string {
	var options []string
	for _, o := range r.children(e, "fs:option") {
		name := r.attr(o, "name")
		if name == "" {
			r.problem(o, "@name", "missing")
		}
		options = append(options, name)
	}
	return options
}

func (r *reader) config(e *xmltree.Element) []pooldef.Option {
	var options []pooldef.Option
	for _, o := range r.children(e, "rbd:option") {
		option := pooldef.Option{Name: r.attr(o, "name"), Value: r.attr(o, "value")}
		switch {
		case option.Name == "":
			r.problem(o, "@name", "missing")
		case option.Value == "":
			r.problem(o, "@value", "missing for option %q", option.Name)
		case slices.ContainsFunc(options, func(o pooldef.Option) bool { return o.Name == option.Name }):
			r.problem(o, "@name", "option %q is given a second time", option.Name)
		}
		options = append(options, option)
	}
	return options
}

// port reads a TCP port. 0, -1, which libvirt's schema permits, and no value stand for the service's default
// port.
func (r *reader) port(e *xmltree.Element) int {
	if strings.TrimSpace(r.rawAttr(e, "port")) == "-1" {
		return 0
	}
	return int(r.number(e, "port", 10, math.MaxUint16))
}
