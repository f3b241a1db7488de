package codec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// maxDepth is how deep elements may be nested; libvirt's deepest are five.
const maxDepth = 32

// maxNodes bounds the elements and attributes of a document, and what YAML's aliases can blow it up to.
const maxNodes = 10_000

var prefixes = map[string]string{"": "", fsNamespace: "fs:", rbdNamespace: "rbd:"}

// parseXML reads a document into a tree. An element in a namespace that libvirt does not have is named {namespace}name.
func parseXML(data []byte) (*xmltree.Element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	decoder.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		if slices.ContainsFunc(data, func(b byte) bool { return b >= 0x80 }) { // plain ASCII is the same in all of them
			return nil, pooldef.Problem{Line: 1, Text: fmt.Sprintf("the document is in %s, not in UTF-8", charset)}
		}
		return input, nil
	}
	p := xmlParser{decoder: decoder}
	for {
		line, _ := decoder.InputPos()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.addToken(token, line)
		}
		if err != nil {
			return nil, xmlProblem(err, decoder)
		}
	}
	if p.root == nil {
		return nil, pooldef.Problem{Line: 1, Text: "there is no element: the document is empty"}
	}
	return p.root, nil
}

type xmlParser struct {
	decoder *xml.Decoder
	root    *xmltree.Element
	open    []openElement
	nodes   int
}

type openElement struct {
	*xmltree.Element
	text bytes.Buffer // of all its pieces
}

func (p *xmlParser) addToken(token xml.Token, line int) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.startElement(t, line)
	case xml.EndElement:
		p.endElement()
	case xml.CharData:
		if len(p.open) > 0 {
			p.open[len(p.open)-1].text.Write(t)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return pooldef.Problem{Line: line, Text: "text outside of the root element"}
		}
	case xml.ProcInst:
		if t.Target == "poolctl" {
			return p.addInstruction(t, line)
		}
	}
	return nil
}

func (p *xmlParser) startElement(t xml.StartElement, line int) error {
	e := &xmltree.Element{Name: xmlName(t.Name), Line: line}
	for url, prefix := range prefixes {
		if prefix == t.Name.Space+":" { // not translated to its namespace
			return pooldef.Problem{Line: line, Element: prefix + t.Name.Local, Text: fmt.Sprintf("the prefix is not declared: xmlns:%s='%s'", t.Name.Space, url)}
		}
	}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		if err := p.addAttr(e, xmlName(a.Name), a.Value); err != nil {
			return err
		}
	}
	if err := p.countNode(line); err != nil {
		return err
	}
	switch {
	case len(p.open) == maxDepth:
		return pooldef.Problem{Line: line, Text: "elements are nested too deeply"}
	case len(p.open) > 0:
		p.open[len(p.open)-1].Add(e)
	case p.root != nil:
		return pooldef.Problem{Line: line, Text: fmt.Sprintf("a second root element <%s>", e.Name)}
	default:
		p.root = e
	}
	p.open = append(p.open, openElement{Element: e})
	return nil
}

// addAttr adds an attribute, which must be the only one of that name.
func (p *xmlParser) addAttr(e *xmltree.Element, name, value string) error {
	if err := p.countNode(e.Line); err != nil {
		return err
	}
	if attrIndex(e, name) >= 0 {
		return pooldef.Problem{Line: e.Line, Element: e.Name, Text: fmt.Sprintf("malformed XML: attribute %q is given a second time", name)}
	}
	e.Attrs = append(e.Attrs, xmltree.Attr{Name: name, Value: value, Line: e.Line})
	return nil
}

// countNode refuses a document that is too large.
func (p *xmlParser) countNode(line int) error {
	if p.nodes++; p.nodes > maxNodes {
		return tooManyNodes(line)
	}
	return nil
}

// endElement closes an element. White space between child elements means nothing.
func (p *xmlParser) endElement() {
	e := &p.open[len(p.open)-1]
	if text := e.text.String(); len(e.Children) == 0 || strings.TrimSpace(text) != "" {
		e.Text = text
	}
	p.open = p.open[:len(p.open)-1]
}

var pseudoAttribute = regexp.MustCompile(`^\s*([a-z_]+)=(?:'([^']*)'|"([^"]*)")`)

// addInstruction reads <?poolctl name='value' ...?>, poolctl's own settings, which libvirt passes over.
func (p *xmlParser) addInstruction(t xml.ProcInst, line int) error {
	e := &xmltree.Element{Name: "?poolctl", Line: line}
	rest := strings.TrimSpace(string(t.Inst))
	for rest != "" {
		m := pseudoAttribute.FindStringSubmatch(rest)
		if m == nil {
			return pooldef.Problem{Line: line, Element: "?poolctl", Text: fmt.Sprintf("expected name='value', not %q", rest)}
		}
		if err := p.addAttr(e, m[1], m[2]+m[3]); err != nil {
			return err
		}
		rest = strings.TrimSpace(rest[len(m[0]):])
	}
	if len(p.open) == 0 {
		return pooldef.Problem{Line: line, Element: "?poolctl", Text: "it stands outside of the root element"}
	}
	p.open[len(p.open)-1].Add(e)
	return p.countNode(line)
}

func tooManyNodes(line int) pooldef.Problem {
	return pooldef.Problem{Line: line, Text: fmt.Sprintf("there are more than %d elements and values", maxNodes)}
}

func xmlName(n xml.Name) string {
	if prefix, ok := prefixes[n.Space]; ok {
		return prefix + n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

func xmlProblem(err error, decoder *xml.Decoder) error {
	if problem := (pooldef.Problem{}); errors.As(err, &problem) {
		return problem
	}
	line, _ := decoder.InputPos()
	if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
		return pooldef.Problem{Line: syntax.Line, Text: "malformed XML: " + syntax.Msg}
	}
	return pooldef.Problem{Line: line, Text: "malformed XML: " + strings.TrimPrefix(err.Error(), "xml: ")}
}
