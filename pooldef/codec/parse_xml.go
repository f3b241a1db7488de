package codec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"poolctl/format/lazy"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// maxDepth is the maximum depth of elements. libvirt's deepest document has five levels.
const maxDepth = 32

// usualDepth is the depth of most documents.
const usualDepth = 4

// maxNodes is the maximum number of elements and attributes of a document, after expanding YAML aliases.
const maxNodes = 10_000

// prefixes maps the namespaces of libvirt's extensions to the prefixes that element names have in the tree.
var prefixes = map[string]string{"": "", fsNamespace: "fs:", rbdNamespace: "rbd:"}

// managedMark begins the comment with the name of the set whose apply wrote a definition.
const managedMark = " poolctl-set: "

// ManagedComment returns the comment that marks a definition in XML as written for a set.
func ManagedComment(set string) string { return "<!--" + managedMark + set + " -->\n" }

// parseXML parses a document. An element in an unknown namespace gets the name {namespace}name. managedBy is
// the name in a comment of the form of ManagedComment before the root element.
func parseXML(data []byte) (root *xmltree.Element, managedBy string, err error) {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	decoder.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		notASCII := slices.ContainsFunc(data, func(b byte) bool { return b >= 0x80 })
		if notASCII { // ASCII is the same in all of them
			return nil, lineProblem(1, "the document is in %s, not in UTF-8", charset)
		}
		return input, nil
	}
	p := xmlParser{decoder: decoder, open: make([]openElement, 0, usualDepth)}
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
			return nil, "", xmlProblem(err, decoder)
		}
	}
	if p.root == nil {
		return nil, "", pooldef.Problem{Line: 1, Text: "no element: the document is empty"}
	}
	return p.root, p.managedBy, nil
}

type xmlParser struct {
	decoder *xml.Decoder
	root    *xmltree.Element
	open    []openElement
	text    []byte // of the open elements, one after the other
	nodes   int

	managedBy string
}

type openElement struct {
	*xmltree.Element
	textStart int // where its text begins
}

func (p *xmlParser) addToken(token xml.Token, line int) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.startElement(t, line)
	case xml.EndElement:
		p.endElement()
	case xml.CharData:
		if len(p.open) > 0 {
			p.text = append(p.text, t...)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return pooldef.Problem{Line: line, Text: "text outside the root element"}
		}
	case xml.Comment:
		if set, is := strings.CutPrefix(string(t), managedMark); is && p.root == nil {
			p.managedBy = strings.TrimSpace(set)
		}
	case xml.ProcInst:
		if t.Target == "poolctl" {
			return p.addInstruction(t, line)
		}
	}
	return nil
}

func (p *xmlParser) startElement(t xml.StartElement, line int) error {
	if err := checkPrefix(t.Name, line); err != nil {
		return err
	}
	e := &xmltree.Element{Name: xmlName(t.Name), Line: line}
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
	p.open = append(p.open, openElement{e, len(p.text)})
	return nil
}

// checkPrefix returns an error if a name has one of the prefixes without its declaration.
func checkPrefix(name xml.Name, line int) error {
	if name.Space == "" {
		return nil
	}
	for url, prefix := range prefixes {
		if prefix == name.Space+":" {
			text := fmt.Sprintf("the prefix is not declared: xmlns:%s='%s'", name.Space, url)
			return pooldef.Problem{Line: line, Element: prefix + name.Local, Text: text}
		}
	}
	return nil
}

// addAttr adds an attribute. A second attribute of the same name is an error.
func (p *xmlParser) addAttr(e *xmltree.Element, name, value string) error {
	if err := p.countNode(e.Line); err != nil {
		return err
	}
	if attrIndex(e, name) >= 0 {
		text := fmt.Sprintf("malformed XML: attribute %q is given a second time", name)
		return pooldef.Problem{Line: e.Line, Element: e.Name, Text: text}
	}
	e.Attrs = append(e.Attrs, xmltree.Attr{Name: name, Value: value, Line: e.Line})
	return nil
}

// countNode returns an error if the document has too many elements and attributes.
func (p *xmlParser) countNode(line int) error {
	if p.nodes++; p.nodes > maxNodes {
		return tooManyNodes(line)
	}
	return nil
}

// endElement closes an element. White space between child elements is dropped.
func (p *xmlParser) endElement() {
	e := p.open[len(p.open)-1]
	if text := p.text[e.textStart:]; len(e.Children) == 0 || len(bytes.TrimSpace(text)) > 0 {
		e.Text = string(text)
	}
	p.text = p.text[:e.textStart]
	p.open = p.open[:len(p.open)-1]
}

var pseudoAttribute = lazy.Regexp(`^\s*([a-z_]+)=(?:'([^']*)'|"([^"]*)")`)

// addInstruction adds <?poolctl name='value' ...?>, a processing instruction with poolctl's own settings,
// which libvirt ignores.
func (p *xmlParser) addInstruction(t xml.ProcInst, line int) error {
	e := &xmltree.Element{Name: "?poolctl", Line: line}
	rest := strings.TrimSpace(string(t.Inst))
	for rest != "" {
		m := pseudoAttribute().FindStringSubmatch(rest)
		if m == nil {
			text := fmt.Sprintf("expected name='value', not %q", rest)
			return pooldef.Problem{Line: line, Element: "?poolctl", Text: text}
		}
		if err := p.addAttr(e, m[1], m[2]+m[3]); err != nil {
			return err
		}
		rest = strings.TrimSpace(rest[len(m[0]):])
	}
	if len(p.open) == 0 {
		return pooldef.Problem{Line: line, Element: "?poolctl", Text: "it is outside the root element"}
	}
	p.open[len(p.open)-1].Add(e)
	return p.countNode(line)
}

func tooManyNodes(line int) pooldef.Problem {
	return lineProblem(line, "more than %d elements and values", maxNodes)
}

func lineProblem(line int, text string, args ...any) pooldef.Problem {
	return pooldef.Problem{Line: line, Text: fmt.Sprintf(text, args...)}
}

func xmlName(n xml.Name) string {
	if prefix, ok := prefixes[n.Space]; ok {
		return prefix + n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// xmlProblem converts a parser error into a Problem with its line.
func xmlProblem(err error, decoder *xml.Decoder) error {
	if problem, ok := errors.AsType[pooldef.Problem](err); ok {
		return problem
	}
	line, _ := decoder.InputPos()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return pooldef.Problem{Line: syntax.Line, Text: "malformed XML: " + syntax.Msg}
	}
	return pooldef.Problem{Line: line, Text: "malformed XML: " + strings.TrimPrefix(err.Error(), "xml: ")}
}
