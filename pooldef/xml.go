package pooldef

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"poolctl/format"
)

// MaxInput is the largest definition that is read, in bytes: virsh's own limit.
const MaxInput = 10 << 20

// maxDepth is how deep elements may be nested; libvirt's deepest are five.
const maxDepth = 32

var prefixes = map[string]string{"": "", fsNamespace: "fs:", rbdNamespace: "rbd:"}

// parseXML reads a document into a tree. An element in a namespace that libvirt does not have is named {namespace}name.
func parseXML(data []byte) (*format.Element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	p := xmlParser{decoder: decoder}
	for {
		line, _ := decoder.InputPos()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.token(token, line)
		}
		if err != nil {
			return nil, xmlProblem(err, decoder)
		}
	}
	if p.root == nil {
		return nil, Problem{Line: 1, Text: "there is no element: the document is empty"}
	}
	return p.root, nil
}

type xmlParser struct {
	decoder *xml.Decoder
	root    *format.Element
	open    []*format.Element
}

func (p *xmlParser) token(token xml.Token, line int) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.start(t, line)
	case xml.EndElement:
		p.end()
	case xml.CharData:
		if len(p.open) > 0 {
			p.open[len(p.open)-1].Text += string(t)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return Problem{Line: line, Text: "text outside of the root element"}
		}
	case xml.ProcInst:
		if t.Target == "poolctl" && len(p.open) > 0 {
			return p.instruction(t, line)
		}
	}
	return nil
}

func (p *xmlParser) start(t xml.StartElement, line int) error {
	e := &format.Element{Name: xmlName(t.Name), Line: line}
	for _, a := range t.Attr {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			e.Attrs = append(e.Attrs, format.Attr{Name: xmlName(a.Name), Value: a.Value, Line: line})
		}
	}
	switch {
	case len(p.open) == maxDepth:
		return Problem{Line: line, Text: "elements are nested too deeply"}
	case len(p.open) > 0:
		p.open[len(p.open)-1].Add(e)
	case p.root != nil:
		return Problem{Line: line, Text: fmt.Sprintf("a second root element <%s>", e.Name)}
	default:
		p.root = e
	}
	p.open = append(p.open, e)
	return nil
}

// end closes an element. White space between child elements means nothing.
func (p *xmlParser) end() {
	e := p.open[len(p.open)-1]
	if len(e.Children) > 0 && strings.TrimSpace(e.Text) == "" {
		e.Text = ""
	}
	p.open = p.open[:len(p.open)-1]
}

var pseudoAttribute = regexp.MustCompile(`^\s*([a-z_]+)=(?:'([^']*)'|"([^"]*)")`)

// instruction reads <?poolctl name='value' ...?>, poolctl's own settings, which libvirt passes over.
func (p *xmlParser) instruction(t xml.ProcInst, line int) error {
	e := &format.Element{Name: "?poolctl", Line: line}
	rest := strings.TrimSpace(string(t.Inst))
	for rest != "" {
		m := pseudoAttribute.FindStringSubmatch(rest)
		if m == nil {
			return Problem{Line: line, Element: "?poolctl", Text: fmt.Sprintf("expected name='value', not %q", rest)}
		}
		e.Attrs = append(e.Attrs, format.Attr{Name: m[1], Value: m[2] + m[3], Line: line})
		rest = strings.TrimSpace(rest[len(m[0]):])
	}
	p.open[len(p.open)-1].Add(e)
	return nil
}

func xmlName(n xml.Name) string {
	if prefix, ok := prefixes[n.Space]; ok {
		return prefix + n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

func xmlProblem(err error, decoder *xml.Decoder) error {
	if problem := (Problem{}); errors.As(err, &problem) {
		return problem
	}
	line, _ := decoder.InputPos()
	if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
		return Problem{Line: syntax.Line, Text: "malformed XML: " + syntax.Msg}
	}
	if strings.Contains(err.Error(), "CharsetReader") {
		return Problem{Line: line, Text: "the document is not in UTF-8"}
	}
	return Problem{Line: line, Text: "malformed XML: " + strings.TrimPrefix(err.Error(), "xml: ")}
}
