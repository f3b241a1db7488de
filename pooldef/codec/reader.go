package codec

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// A reader reads a tree into a definition. It collects problems, and records the elements and attributes that
// were visited, so that done can warn about unknown ones.
type reader struct {
	doc      *document
	paths    map[*xmltree.Element]string // of elements, without the root's name; those of the tree: see path
	visited  map[*xmltree.Element]*visit
	reported map[place]bool
	problems pooldef.Problems
	warnings pooldef.Problems
}

// A visit records which parts of an element were read.
type visit struct {
	text  bool
	attrs []string
}

// A place is the place of a problem: an element, or a path below it.
type place struct {
	element *xmltree.Element
	below   string
}

func newReader(doc *document) *reader {
	return &reader{doc: doc, paths: map[*xmltree.Element]string{}, visited: map[*xmltree.Element]*visit{},
		reported: map[place]bool{}}
}

// path returns the path of an element. The paths of the tree are found when the first is needed: most
// documents have no problems.
func (r *reader) path(e *xmltree.Element) string {
	if _, found := r.paths[r.doc.root]; !found {
		r.addPaths(r.doc.root, "")
	}
	return r.paths[e]
}

func (r *reader) addPaths(e *xmltree.Element, path string) {
	r.paths[e] = path
	for _, c := range e.Children {
		r.addPaths(c, strings.TrimPrefix(path+"/"+c.Name, "/"))
	}
}

// problem adds a problem at e, or at a path below it, such as "host" or "@name", which may be missing. Only
// the first problem of a place counts, because it causes the others.
func (r *reader) problem(e *xmltree.Element, below, text string, args ...any) {
	p := r.at(e, below, text, args...)
	if at := (place{e, below}); !r.doc.isConsequence(p) && !r.reported[at] {
		r.reported[at] = true
		r.problems = append(r.problems, p)
	}
}

// warn adds a warning that something at e, or at a path below it, is ignored.
func (r *reader) warn(e *xmltree.Element, below, text string, args ...any) {
	r.warnings = append(r.warnings, r.at(e, below, text, args...))
}

// at returns a Problem with its file, line, and path in the document's language.
func (r *reader) at(e *xmltree.Element, below, text string, args ...any) pooldef.Problem {
	path := strings.Trim(r.path(e)+"/"+below, "/")
	if r.doc.keys != nil {
		path = yamlPath(r.doc.keys, path)
	} else if path == "" {
		path = r.doc.root.Name
	}
	return pooldef.Problem{
		File: r.doc.file, Line: lineOf(e, below), Element: path, Text: fmt.Sprintf(text, args...),
	}
}

// lineOf returns the line of the element or attribute at a path below e, or of the deepest element of the
// path that exists.
func lineOf(e *xmltree.Element, below string) int {
	line := e.Line
	for name := range strings.SplitSeq(below, "/") {
		if attr, ok := strings.CutPrefix(name, "@"); ok {
			if i := attrIndex(e, attr); i >= 0 {
				line = e.Attrs[i].Line
			}
			break
		}
		if e = e.Child(name); e == nil {
			break
		}
		line = e.Line
	}
	return line
}

func attrIndex(e *xmltree.Element, name string) int {
	return slices.IndexFunc(e.Attrs, func(a xmltree.Attr) bool { return a.Name == name })
}

// visit records that an element was read, and returns the record.
func (r *reader) visit(e *xmltree.Element) *visit {
	if r.visited[e] == nil {
		r.visited[e] = &visit{}
	}
	return r.visited[e]
}

// child returns the element at a path below e, such as "source/dir", or nil. Of several elements, it returns
// the first.
func (r *reader) child(e *xmltree.Element, path string) *xmltree.Element {
	for name := range strings.SplitSeq(path, "/") {
		if e == nil {
			return nil
		}
		if e = e.Child(name); e != nil {
			r.visit(e)
		}
	}
	return e
}

// children returns all children of e with a name.
func (r *reader) children(e *xmltree.Element, name string) []*xmltree.Element {
	var found []*xmltree.Element
	for _, c := range e.Children {
		if c.Name == name {
			r.visit(c)
			found = append(found, c)
		}
	}
	return found
}

// rawAttr returns an attribute's value, or "" if it is missing. Like libvirt, it treats empty and missing the
// same.
func (r *reader) rawAttr(e *xmltree.Element, name string) string {
	if e == nil {
		return ""
	}
	r.visit(e).attrs = append(r.visit(e).attrs, name)
	if i := attrIndex(e, name); i >= 0 {
		return e.Attrs[i].Value
	}
	return ""
}

// attr is rawAttr for a value that checkPlain accepts.
func (r *reader) attr(e *xmltree.Element, name string) string {
	value := r.rawAttr(e, name)
	if value != "" {
		r.checkPlain(e, "@"+name, value)
	}
	return value
}

// text returns the text of the element at a path below e, which checkPlain must accept.
func (r *reader) text(e *xmltree.Element, path string) string {
	c := r.child(e, path)
	if c == nil {
		return ""
	}
	r.checkPlain(c, "", r.rawText(c))
	return c.Text
}

// rawText returns an element's own text, unchecked.
func (r *reader) rawText(e *xmltree.Element) string {
	r.visit(e).text = true
	return e.Text
}

// checkPlain reports a value with control characters, or that is not UTF-8. Values become parts of commands,
// mount options and other programs' files, and XML does not preserve such characters.
func (r *reader) checkPlain(e *xmltree.Element, below, value string) {
	strange := func(c rune) bool { return unicode.IsControl(c) || c == 0xfffe || c == 0xffff }
	i := strings.IndexFunc(value, strange)
	switch {
	case !utf8.ValidString(value):
		r.problem(e, below, "%q is not UTF-8", value)
	case i >= 0:
		c, _ := utf8.DecodeRuneInString(value[i:])
		r.problem(e, below, "%q contains a control character, %U", value, c)
	}
}

// printed ignores parts of e that libvirt and poolctl print about existing objects, but that a definition
// cannot set. A path ends with an element whose text is ignored, or with an attribute. Elements that may be
// there several times are marked with +. What the paths do not name stays unknown.
func (r *reader) printed(e *xmltree.Element, paths ...string) {
	for _, path := range paths {
		r.printedPath(e, path)
	}
}

func (r *reader) printedPath(e *xmltree.Element, path string) {
	name, below, deeper := strings.Cut(path, "/")
	if attr, is := strings.CutPrefix(name, "@"); is {
		r.rawAttr(e, attr)
		return
	}
	found := []*xmltree.Element{r.child(e, name)}
	if several, is := strings.CutSuffix(name, "+"); is {
		found = r.children(e, several)
	}
	for _, c := range found {
		switch {
		case c == nil:
		case deeper:
			r.printedPath(c, below)
		default:
			r.rawText(c)
		}
	}
}

// skip ignores an element and everything in it, without a warning.
func (r *reader) skip(e *xmltree.Element) {
	if e == nil {
		return
	}
	r.visit(e).text = true
	for _, a := range e.Attrs {
		r.rawAttr(e, a.Name)
	}
	for _, c := range e.Children {
		r.skip(c)
	}
}

// done warns about everything that was not visited, or, if strict, adds it to the problems. It returns the
// warnings, and all problems as an error.
func (r *reader) done(strict bool) ([]pooldef.Problem, error) {
	r.visit(r.doc.root)
	r.reportUnknown(r.doc.root)
	if strict {
		r.problems, r.warnings = slices.Concat(r.problems, r.warnings), nil
	}
	for i := range r.warnings {
		r.warnings[i].Text += ", ignored"
	}
	slices.SortStableFunc(r.warnings, byLine)
	return r.warnings, r.failed()
}

// failed returns all problems as an error, or nil.
func (r *reader) failed() error {
	problems := slices.Concat(r.doc.problems, r.problems)
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, byLine)
	return problems
}

func byLine(a, b pooldef.Problem) int { return a.Line - b.Line }

// reportUnknown warns about the parts of e that were not visited.
func (r *reader) reportUnknown(e *xmltree.Element) {
	seen := r.visit(e)
	for _, a := range e.Attrs {
		if !slices.Contains(seen.attrs, a.Name) {
			r.warn(e, "@"+a.Name, "unknown attribute")
		}
	}
	if text := strings.TrimSpace(e.Text); text != "" && !seen.text {
		r.warn(e, "", "stray text %q", text)
	}
	var read map[string]bool // names
	for _, c := range e.Children {
		if r.visited[c] != nil {
			r.reportUnknown(c)
			continue
		}
		if read == nil {
			read = r.readNames(e)
		}
		if read[c.Name] {
			r.warn(c, "", "given a second time")
		} else {
			r.warn(c, "", "unknown element")
		}
	}
}

// readNames returns the names of the children of e that were visited.
func (r *reader) readNames(e *xmltree.Element) map[string]bool {
	names := map[string]bool{}
	for _, c := range e.Children {
		if r.visited[c] != nil {
			names[c.Name] = true
		}
	}
	return names
}
