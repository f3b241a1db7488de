package codec

import (
	"errors"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"poolctl/format"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// choice returns an attribute, which must have one of the allowed values or be empty.
func (r *reader) choice(e *xmltree.Element, attr string, allowed ...string) string {
	value := r.rawAttr(e, attr)
	if value != "" && !slices.Contains(allowed, value) {
		r.problem(e, "@"+attr, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
	return value
}

// maxPath is the kernel's limit for a path without its final NUL, and maxNameInPath that for each name in the
// path, in bytes (limits.h).
const maxPath, maxNameInPath = 4095, 255

// checkPathLength reports a path, or a name that becomes part of one, that is too long for the kernel.
func (r *reader) checkPathLength(e *xmltree.Element, below, path string) {
	if len(path) > maxPath {
		r.problem(e, below, "the path has %d bytes: the limit is %d", len(path), maxPath)
		return
	}
	for name := range strings.SplitSeq(path, "/") {
		if len(name) > maxNameInPath {
			r.problem(e, below, "the name has %d bytes: the limit for a file name is %d", len(name), maxNameInPath)
		}
	}
}

// yesNo reads an optional boolean attribute; nil means that it is missing.
func (r *reader) yesNo(e *xmltree.Element, attr string) *bool {
	value := r.choice(e, attr, "yes", "no")
	if value == "" {
		return nil
	}
	yes := value == "yes"
	return &yes
}

// number reads an integer of at most most. With base 0, the C prefixes 0x and 0 are recognised.
func (r *reader) number(e *xmltree.Element, attr string, base int, most uint64) uint64 {
	value := r.rawAttr(e, attr)
	if value == "" {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(value), base, 64)
	if err != nil || n > most {
		r.problem(e, "@"+attr, "%q is not a number from 0 to %d", value, most)
	}
	return n
}

// size reads a size from the text and the unit of the element at a path, at most most bytes. Like libvirt, it
// treats an element without text as missing; in YAML, the unit is part of the text.
func (r *reader) size(e *xmltree.Element, path string, most uint64) pooldef.Size {
	c := r.child(e, path)
	if c == nil {
		return pooldef.Size{}
	}
	text, unit := r.rawText(c), r.rawAttr(c, "unit")
	if isYAML := r.doc.keys != nil; text == "" && (unit == "" || !isYAML) {
		return pooldef.Size{}
	}
	n, err := format.ParseScaled(strings.TrimSpace(text), unit)
	switch {
	case err != nil:
		r.problem(c, "", "%v", err)
	case n > most:
		r.problem(c, "", "%d bytes is too large: the limit is %d", n, most)
	}
	return pooldef.Bytes(n)
}

// permissions reads mode, owner, group and label.
func (r *reader) permissions(parent *xmltree.Element) pooldef.Permissions {
	e := r.child(parent, "permissions")
	if e == nil {
		return pooldef.Permissions{}
	}
	p := pooldef.Permissions{Label: r.text(e, "label")}
	if mode := r.child(e, "mode"); mode != nil && r.rawText(mode) != "" {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(mode.Text), "0o"), 8, 32)
		if err != nil || n > 0o777 {
			r.problem(mode, "", "%q is not an octal mode from 0 to 0777", mode.Text)
		}
		bits := uint32(n)
		p.Mode = &bits
	}
	p.Owner = r.id(e, "owner", func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	p.Group = r.id(e, "group", func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	return p
}

// id reads a numeric ID, or a user or group name that this machine knows. It returns nil for -1, "unset", in
// any width. libvirt also prints other IDs of 2^31 and more as negative numbers.
func (r *reader) id(e *xmltree.Element, name string, lookup func(string) (string, error)) *uint32 {
	c := r.child(e, name)
	if c == nil {
		return nil
	}
	text := strings.TrimSpace(r.rawText(c))
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) && text != "" {
		found, lookupErr := lookup(text)
		if lookupErr != nil {
			kind := map[string]string{"owner": "user", "group": "group"}[name]
			r.problem(c, "", "no %s %q on this machine", kind, text)
			return nil
		}
		n, err = strconv.ParseInt(found, 10, 64)
	}
	if err != nil || n < -1<<31 || n >= 1<<32 {
		r.problem(c, "", "%q is neither an id nor a name", c.Text)
		return nil
	}
	id := uint32(n)
	if id == 1<<32-1 { // (uid_t)-1, which means "unset" in chown(2) as well
		return nil
	}
	return &id
}

// uuid reads the UUID of the document, or returns "" if it has none.
func (r *reader) uuid() string {
	e := r.child(r.doc.root, "uuid")
	if e == nil || r.rawText(e) == "" {
		return ""
	}
	id, ok := pooldef.ParseUUID(e.Text)
	if !ok {
		r.problem(e, "", "%q is not a uuid", e.Text)
	}
	return id
}
