package pooldef

import (
	"bytes"
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"poolctl/format"
)

// A reader takes a document apart and remembers what it has looked at, so that what nobody asked for can be named.
type reader struct {
	doc      *document
	paths    map[*format.Element]string // without the root's name
	seen     map[*format.Element]bool
	seenAttr map[*format.Element][]string
	problems Problems
	warnings Problems
}

// A document is a definition as a tree in XML's shape, whatever language it was written in.
type document struct {
	file string
	root *format.Element
	keys []yamlKey // the YAML language it is written in; nil: XML
}

// parseDocument reads XML or YAML, told apart by the first character.
func parseDocument(file string, data []byte, keys []yamlKey) (*document, error) {
	doc := &document{file: file}
	var err error
	switch {
	case len(data) > MaxInput:
		err = Problem{Text: fmt.Sprintf("larger than %d bytes", MaxInput)}
	case IsXML(file, data):
		doc.root, err = parseXML(data)
	default:
		doc.keys = keys
		doc.root, err = parseYAML(data, keys)
	}
	if err != nil {
		return nil, inFile(file, err)
	}
	return doc, nil
}

// IsXML tells whether a definition is XML, by its first character or the suffix of the file.
func IsXML(file string, data []byte) bool {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	return bytes.HasPrefix(text, []byte("<")) || filepath.Ext(file) == ".xml"
}

// inFile names the file in problems.
func inFile(file string, err error) Problems {
	problems, problem := Problems(nil), Problem{}
	if errors.As(err, &problem) {
		problems = Problems{problem}
	} else {
		errors.As(err, &problems)
	}
	for i := range problems {
		problems[i].File = file
	}
	return problems
}

func newReader(doc *document) *reader {
	r := &reader{doc: doc, paths: map[*format.Element]string{}, seen: map[*format.Element]bool{},
		seenAttr: map[*format.Element][]string{}}
	var walk func(e *format.Element, path string)
	walk = func(e *format.Element, path string) {
		r.paths[e] = path
		for _, c := range e.Children {
			walk(c, strings.TrimPrefix(path+"/"+c.Name, "/"))
		}
	}
	walk(doc.root, "")
	return r
}

// problem notes that something is wrong at an element, or at what is missing or wrong below it: "host", "@name".
func (r *reader) problem(e *format.Element, below, text string, args ...any) {
	r.problems = append(r.problems, r.at(e, below, text, args...))
}

func (r *reader) at(e *format.Element, below, text string, args ...any) Problem {
	path := strings.Trim(r.paths[e]+"/"+below, "/")
	if r.doc.keys != nil {
		path = yamlPath(r.doc.keys, path)
	} else if path == "" {
		path = r.doc.root.Name
	}
	line := e.Line
	for _, a := range e.Attrs {
		if "@"+a.Name == below && a.Line > 0 {
			line = a.Line
		}
	}
	return Problem{File: r.doc.file, Line: line, Element: path, Text: fmt.Sprintf(text, args...)}
}

// child returns the element below e at a path such as "source/dir", or nil; where several could be meant, the first one.
func (r *reader) child(e *format.Element, path string) *format.Element {
	for name := range strings.SplitSeq(path, "/") {
		if e == nil {
			return nil
		}
		if e = e.Child(name); e != nil {
			r.seen[e] = true
		}
	}
	return e
}

// children returns all elements of that name directly below e.
func (r *reader) children(e *format.Element, name string) []*format.Element {
	if e == nil {
		return nil
	}
	var found []*format.Element
	for _, c := range e.Children {
		if c.Name == name {
			r.seen[c] = true
			found = append(found, c)
		}
	}
	return found
}

// attr returns an attribute's value; an absent and an empty one are the same, as to libvirt.
func (r *reader) attr(e *format.Element, name string) string {
	if e == nil {
		return ""
	}
	r.seenAttr[e] = append(r.seenAttr[e], name)
	i := slices.IndexFunc(e.Attrs, func(a format.Attr) bool { return a.Name == name })
	if i < 0 {
		return ""
	}
	return e.Attrs[i].Value
}

// text returns the text of the element at a path below e.
func (r *reader) text(e *format.Element, path string) string {
	if c := r.child(e, path); c != nil {
		return c.Text
	}
	return ""
}

// word returns a value that has to be one of those given; an empty one may be left out.
func (r *reader) word(e *format.Element, below, value string, allowed ...string) string {
	if value != "" && !slices.Contains(allowed, value) {
		r.problem(e, below, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
	return value
}

func (r *reader) yesNo(e *format.Element, attr string) *bool {
	value := r.word(e, "@"+attr, r.attr(e, attr), "yes", "no")
	if value == "" {
		return nil
	}
	yes := value == "yes"
	return &yes
}

// number reads an integer of at most max; C's prefixes 0x and 0 are understood where base is 0.
func (r *reader) number(e *format.Element, attr string, base int, most uint64) uint64 {
	value := r.attr(e, attr)
	if value == "" {
		return 0
	}
	n, err := strconv.ParseUint(value, base, 64)
	if err != nil || n > most {
		r.problem(e, "@"+attr, "%q is not a number from 0 to %d", value, most)
	}
	return n
}

// size reads an element's text and unit.
func (r *reader) size(e *format.Element, path string, most uint64) Size {
	c := r.child(e, path)
	if c == nil {
		return Size{}
	}
	n, err := format.ParseScaled(strings.TrimSpace(c.Text), r.attr(c, "unit"))
	switch {
	case err != nil:
		r.problem(c, "", "%v", err)
	case n > most:
		r.problem(c, "", "%d bytes is too large: the limit is %d", n, most)
	}
	return Bytes(n)
}

// permissions reads mode, owner, group and label; -1 stands for unset, as in old definitions of libvirt's.
func (r *reader) permissions(parent *format.Element) Permissions {
	e := r.child(parent, "permissions")
	if e == nil {
		return Permissions{}
	}
	p := Permissions{Label: r.text(e, "label")}
	if mode := r.child(e, "mode"); mode != nil {
		n, err := strconv.ParseUint(mode.Text, 8, 32)
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

// id reads a numeric id, or a name that this machine knows.
func (r *reader) id(e *format.Element, name string, lookup func(string) (string, error)) *uint32 {
	c := r.child(e, name)
	if c == nil || c.Text == "-1" {
		return nil
	}
	text := c.Text
	if text != "" && (text[0] < '0' || text[0] > '9') {
		if found, err := lookup(text); err == nil {
			text = found
		} else {
			r.problem(c, "", "there is no %s %q on this machine", map[string]string{"owner": "user", "group": "group"}[name], text)
			return nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 { // (uid_t)-1 means "unset" to chown(2)
		r.problem(c, "", "%q is neither an id nor a name", c.Text)
		return nil
	}
	id := uint32(n)
	return &id
}

var hexUUID = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

// ParseUUID reads a uuid as libvirt does, with dashes or blanks anywhere or nowhere, and returns its usual form.
func ParseUUID(s string) (string, bool) {
	hex := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(s)))
	if !hexUUID.MatchString(hex) {
		return "", false
	}
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:], true
}

// finish warns of all that was not asked for: problems instead, if strict. It returns the warnings, and the problems as an error.
func (r *reader) finish(strict bool) ([]Problem, error) {
	r.seen[r.doc.root] = true
	r.unseen(r.doc.root)
	if strict {
		r.problems = append(r.problems, r.warnings...)
		r.warnings = nil
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return r.warnings, r.problems
	}
	return r.warnings, nil
}

func (r *reader) unseen(e *format.Element) {
	for _, a := range e.Attrs {
		if !slices.Contains(r.seenAttr[e], a.Name) {
			r.warnings = append(r.warnings, r.at(e, "@"+a.Name, "unknown attribute, ignored"))
		}
	}
	if len(e.Children) > 0 && e.Text != "" {
		r.warnings = append(r.warnings, r.at(e, "", "stray text %q, ignored", strings.TrimSpace(e.Text)))
	}
	for i, c := range e.Children {
		switch {
		case r.seen[c]:
			r.unseen(c)
		case slices.ContainsFunc(e.Children[:i], func(b *format.Element) bool { return b.Name == c.Name && r.seen[b] }):
			r.warnings = append(r.warnings, r.at(c, "", "given a second time, ignored"))
		default:
			r.warnings = append(r.warnings, r.at(c, "", "unknown element, ignored"))
		}
	}
}
