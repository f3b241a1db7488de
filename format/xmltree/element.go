// Package xmltree holds XML documents as trees of elements, prints them in libvirt's style, and evaluates
// XPath expressions on them.
//
//	pool := xmltree.NewElement("pool", "type", "dir")
//	pool.AddText("name", "images")
//	pool.String() // <pool type='dir'>, <name>images</name>, </pool>, one per line
//
// The package does not parse XML: poolctl/pooldef/codec does, because the limits and errors of parsing are
// those of definitions. encoding/xml is not used for printing, because it loses the prefixes of namespaces.
package xmltree

import (
	"strings"
	"unicode/utf8"
)

// An Element is one element of an XML document. The name "?x" means the processing instruction <?x ...?>.
type Element struct {
	Name     string // including a prefix
	Attrs    []Attr
	Text     string
	Children []*Element
	Line     int  // in the parsed document; 0 if the element was not parsed
	Open     bool // print <x> and </x> on two lines even if empty, as libvirt does for some elements
}

// An Attr is one attribute of an element.
type Attr struct {
	Name, Value string
	Line        int // in the parsed document; 0 if the attribute was not parsed
}

// NewElement returns an element with attributes given as name, value, name, value, and so on. Attributes with
// an empty value are left out.
func NewElement(name string, attrs ...string) *Element {
	e := &Element{Name: name}
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			e.Attrs = append(e.Attrs, Attr{Name: attrs[i], Value: attrs[i+1]})
		}
	}
	return e
}

// Add appends a child and returns it.
func (e *Element) Add(child *Element) *Element {
	e.Children = append(e.Children, child)
	return child
}

// AddText appends a child with a text, unless the text is empty, and returns e.
func (e *Element) AddText(name, text string) *Element {
	if text != "" {
		e.Add(&Element{Name: name, Text: text})
	}
	return e
}

// Child returns the first child with a name, or nil.
func (e *Element) Child(name string) *Element {
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// String formats the element as libvirt does: indented by two blanks, with single quotes, ending with a line
// feed.
func (e *Element) String() string { return e.Indented(0) }

// Indented is String with every line indented by depth more levels.
func (e *Element) Indented(depth int) string {
	p := printer{quote: '\'', indent: depth}
	p.element(e)
	return p.String()
}

// printer prints elements in libvirt's layout. libxml2's layout differs only in its quotes.
type printer struct {
	strings.Builder
	quote  byte
	indent int
}

func (p *printer) element(e *Element) {
	p.begin(e)
	switch {
	case e.Name[0] == '?':
		p.WriteString("?>\n")
	case len(e.Children) > 0 || e.Open:
		p.WriteString(">\n")
		p.indent++
		for _, c := range e.Children {
			p.element(c)
		}
		p.indent--
		p.pad()
		p.WriteString("</" + e.Name + ">\n")
	case e.Text != "":
		p.WriteByte('>')
		p.escaped(e.Text, false)
		p.WriteString("</" + e.Name + ">\n")
	default:
		p.WriteString("/>\n")
	}
}

func (p *printer) begin(e *Element) {
	p.pad()
	p.WriteString("<" + e.Name)
	for _, a := range e.Attrs {
		p.WriteString(" " + a.Name + "=")
		p.WriteByte(p.quote)
		p.escaped(a.Value, true)
		p.WriteByte(p.quote)
	}
}

func (p *printer) pad() {
	for range p.indent {
		p.WriteString("  ")
	}
}

// escaped writes text as virBufferEscapeString does: with five entities, and without control characters
// except TAB, LF and CR. With double quotes it writes as libxml2 does, which escapes a quote only where it
// must. Bytes that are not UTF-8, and characters that XML 1.0 does not allow, become U+FFFD, so that the
// document stays well-formed.
func (p *printer) escaped(s string, inAttr bool) {
	libvirt := p.quote == '\''
	for _, r := range s {
		switch {
		case r == '<':
			p.WriteString("&lt;")
		case r == '>':
			p.WriteString("&gt;")
		case r == '&':
			p.WriteString("&amp;")
		case r == '"' && (libvirt || inAttr):
			p.WriteString("&quot;")
		case r == '\'' && libvirt:
			p.WriteString("&apos;")
		case r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r < 0xfffe || r > 0xffff:
			p.WriteRune(r)
		case r >= 0xfffe:
			p.WriteRune(utf8.RuneError)
		}
	}
}
