package codec

import (
	"strings"

	"poolctl/format/xmltree"
)

// parsePlain parses a document that consists of nothing but ASCII text, elements and attributes, as poolctl
// writes most definitions. It takes a fifth of the time of encoding/xml. For any other document, or one with
// an error, it returns nil.
func parsePlain(data []byte) *xmltree.Element {
	p := plainParser{rest: string(data), line: 1}
	for p.rest != "" {
		if !p.next() {
			return nil
		}
	}
	if len(p.open) > 0 {
		return nil
	}
	return p.root
}

type plainParser struct {
	rest  string // what is not parsed yet
	line  int
	root  *xmltree.Element
	open  []*xmltree.Element
	nodes int
}

// next parses a text and the tag after it. It returns false for what parsePlain does not parse.
func (p *plainParser) next() bool {
	text, rest, tag := strings.Cut(p.rest, "<")
	if !isPlainText(text) {
		return false
	}
	isEnd := strings.HasPrefix(rest, "/")
	if top := len(p.open) - 1; isEnd && top >= 0 && len(p.open[top].Children) == 0 {
		p.open[top].Text = text
	} else if strings.Trim(text, " \t\n") != "" { // mixed content, or text outside the root element
		return false
	}
	p.line += strings.Count(text, "\n")
	p.rest = rest
	switch {
	case !tag:
		return true
	case isEnd:
		return p.endTag()
	}
	return p.startTag()
}

// isPlainText reports whether a text stands for itself in XML, as content and in quotes.
func isPlainText(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < ' ' && c != '\t' && c != '\n' || c == '&' || c == '>' || c == '<' {
			return false
		}
	}
	return true
}

func (p *plainParser) endTag() bool {
	if len(p.open) == 0 {
		return false
	}
	e := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	rest, isName := strings.CutPrefix(p.rest[1:], e.Name)
	rest, isEnd := strings.CutPrefix(rest, ">")
	p.rest = rest
	return isName && isEnd
}

func (p *plainParser) startTag() bool {
	e := &xmltree.Element{Name: p.name(), Line: p.line}
	if e.Name == "" || !p.attributes(e) {
		return false
	}
	switch p.nodes += 1 + len(e.Attrs); {
	case p.nodes > maxNodes || len(p.open) == maxDepth:
		return false
	case len(p.open) > 0:
		p.open[len(p.open)-1].Add(e)
	case p.root != nil:
		return false
	default:
		p.root = e
	}
	if rest, empty := strings.CutPrefix(p.rest, "/>"); empty {
		p.rest = rest
		return true
	}
	p.open = append(p.open, e)
	rest, is := strings.CutPrefix(p.rest, ">")
	p.rest = rest
	return is
}

// attributes parses attributes up to the end of a tag.
func (p *plainParser) attributes(e *xmltree.Element) bool {
	for strings.HasPrefix(p.rest, " ") {
		p.rest = p.rest[1:]
		name := p.name()
		if name == "" || name == "xmlns" || attrIndex(e, name) >= 0 || len(p.rest) < 2 || p.rest[0] != '=' ||
			p.rest[1] != '\'' && p.rest[1] != '"' {
			return false
		}
		value, rest, is := strings.Cut(p.rest[2:], p.rest[1:2])
		if !is || !isPlainText(value) || strings.Contains(value, "\n") {
			return false
		}
		e.Attrs = append(e.Attrs, xmltree.Attr{Name: name, Value: value, Line: e.Line})
		p.rest = rest
	}
	return true
}

// name parses a name without a prefix. It returns "" if there is none.
func (p *plainParser) name() string {
	i := 0
	for ; i < len(p.rest); i++ {
		c := p.rest[i]
		isLetter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !isLetter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '.') {
			break
		}
	}
	name := p.rest[:i]
	p.rest = p.rest[i:]
	return name
}
