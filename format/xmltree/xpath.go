package xmltree

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/antchfx/xpath"
)

// XPath evaluates an XPath 1.0 expression on the document with root e, and formats the result as virsh's
// --xpath does: each node on its own, with libxml2's double quotes, or, if wrap is set, all nodes in one
// <nodes> element. A string, number or boolean is printed as it is.
func (e *Element) XPath(expression string, wrap bool) (text string, err error) {
	compiled, err := xpath.Compile(expression)
	if err != nil {
		return "", fmt.Errorf("xpath %q: %w", expression, err)
	}
	defer func() { // the library panics on well-formed expressions without a meaning, such as count(1)
		if problem := recover(); problem != nil {
			text, err = "", fmt.Errorf("xpath %q: %v", expression, problem)
		}
	}()
	root := newXNode(&Element{Children: []*Element{e}}, nil, new(int))
	switch result := compiled.Evaluate(&navigator{node: root, attr: -1}).(type) {
	case *xpath.NodeIterator:
		var found []*navigator
		for result.MoveNext() {
			found = append(found, result.Current().Copy().(*navigator))
		}
		slices.SortStableFunc(found, func(a, b *navigator) int {
			return cmp.Or(a.node.order-b.node.order, a.attr-b.attr)
		})
		return printNodes(found, wrap), nil
	case float64:
		return strconv.FormatFloat(result, 'f', -1, 64) + "\n", nil
	default:
		return fmt.Sprintln(result), nil
	}
}

func printNodes(found []*navigator, wrap bool) string {
	p := printer{quote: '"'}
	if !wrap {
		for _, n := range found {
			p.node(n)
		}
		return p.String()
	}
	nodes := &Element{Name: "nodes"}
	for _, n := range found {
		switch {
		case n.attr >= 0:
			nodes.setAttr(n.node.element.Attrs[n.attr])
		case n.node.text:
			nodes.Text += n.Value()
		default:
			nodes.Children = append(nodes.Children, n.node.root())
		}
	}
	p.element(nodes)
	return p.String()
}

// setAttr sets an attribute. An element cannot have two attributes of one name.
func (e *Element) setAttr(a Attr) {
	i := slices.IndexFunc(e.Attrs, func(b Attr) bool { return b.Name == a.Name })
	if i < 0 {
		e.Attrs = append(e.Attrs, a)
		return
	}
	e.Attrs[i] = a
}

// node prints one selected node and a line feed.
func (p *printer) node(n *navigator) {
	switch {
	case n.attr >= 0:
		a := n.node.element.Attrs[n.attr]
		p.WriteString(" " + a.Name + "=\"")
		p.escaped(a.Value, true)
		p.WriteString("\"\n")
	case n.node.text:
		p.escaped(n.Value(), false)
		p.WriteString("\n")
	default:
		p.element(n.node.root())
	}
}

// An xnode is a node in XPath's data model: an element, the text in an element, or (without a parent) the
// document.
type xnode struct {
	element  *Element
	text     bool
	parent   *xnode
	index    int // among the parent's children
	order    int // in the document
	children []*xnode
}

func newXNode(e *Element, parent *xnode, count *int) *xnode {
	*count++
	n := &xnode{element: e, parent: parent, order: *count}
	if e.Text != "" {
		*count++
		n.children = append(n.children, &xnode{element: e, text: true, parent: n, order: *count})
	}
	for _, c := range e.Children {
		if !strings.HasPrefix(c.Name, "?") {
			child := newXNode(c, n, count)
			child.index = len(n.children)
			n.children = append(n.children, child)
		}
	}
	return n
}

// root returns the element to print for a node. For the document, that is the root element.
func (n *xnode) root() *Element {
	if n.parent == nil {
		return n.element.Children[0]
	}
	return n.element
}

// navigator is the cursor that the xpath library requires.
type navigator struct {
	node *xnode
	attr int // index of the current attribute; -1 for the node itself
}

func (n *navigator) NodeType() xpath.NodeType {
	switch {
	case n.attr >= 0:
		return xpath.AttributeNode
	case n.node.text:
		return xpath.TextNode
	case n.node.parent == nil:
		return xpath.RootNode
	}
	return xpath.ElementNode
}

func (n *navigator) name() string {
	switch {
	case n.attr >= 0:
		return n.node.element.Attrs[n.attr].Name
	case n.node.text:
		return ""
	}
	return n.node.element.Name
}

func (n *navigator) LocalName() string {
	prefix, local, found := strings.Cut(n.name(), ":")
	if !found {
		return prefix
	}
	return local
}

func (n *navigator) Prefix() string {
	if prefix, _, found := strings.Cut(n.name(), ":"); found {
		return prefix
	}
	return ""
}

func (n *navigator) Value() string {
	switch {
	case n.attr >= 0:
		return n.node.element.Attrs[n.attr].Value
	case n.node.text:
		return n.node.element.Text
	}
	var text strings.Builder
	for _, c := range n.node.children {
		text.WriteString((&navigator{node: c, attr: -1}).Value())
	}
	return text.String()
}

func (n *navigator) Copy() xpath.NodeNavigator { c := *n; return &c }

func (n *navigator) MoveToRoot() {
	for n.MoveToParent() {
	}
}

func (n *navigator) MoveToParent() bool {
	if n.attr >= 0 {
		n.attr = -1
		return true
	}
	if n.node.parent == nil {
		return false
	}
	n.node = n.node.parent
	return true
}

func (n *navigator) MoveToNextAttribute() bool {
	if n.node.text || n.attr+1 >= len(n.node.element.Attrs) {
		return false
	}
	n.attr++
	return true
}

func (n *navigator) MoveToChild() bool {
	if n.attr >= 0 || len(n.node.children) == 0 {
		return false
	}
	n.node = n.node.children[0]
	return true
}

func (n *navigator) MoveToFirst() bool { return n.moveToSibling(0) }

func (n *navigator) MoveToNext() bool { return n.moveToSibling(n.node.index + 1) }

func (n *navigator) MoveToPrevious() bool { return n.moveToSibling(n.node.index - 1) }

func (n *navigator) moveToSibling(i int) bool {
	if n.attr >= 0 || n.node.parent == nil || i < 0 || i >= len(n.node.parent.children) {
		return false
	}
	n.node = n.node.parent.children[i]
	return true
}

func (n *navigator) MoveTo(other xpath.NodeNavigator) bool {
	*n = *other.(*navigator)
	return true
}
