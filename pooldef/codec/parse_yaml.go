package codec

import (
	"slices"
	"strconv"
	"strings"

	"poolctl/format"
	"poolctl/format/lazy"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// parseYAML parses a document into the tree of the equivalent XML document. It collects all unknown keys and
// values of the wrong kind as problems of the document, and leaves them out of the tree.
func parseYAML(data []byte, keys []yamlKey) (*document, error) {
	node, err := format.ParseYAML(data)
	if err != nil {
		return nil, yamlProblem(err)
	}
	return readYAML(node, keys, rootElement(keys), "state", "volumes", "managed_by")
}

// readYAML reads one YAML document into the tree of the equivalent XML document, whose root is an element of
// this name. Messages about unknown keys do not mention the hidden keys.
func readYAML(node *format.YAML, keys []yamlKey, name string, hidden ...string) (*document, error) {
	if node.Kind != format.YAMLMapping {
		return nil, pooldef.Problem{Line: node.Line, Text: "a definition is a mapping: key: value"}
	}
	p := yamlParser{keys: keys, hidden: hidden, apart: map[string]*format.YAML{}}
	root := &xmltree.Element{Name: name, Line: node.Line}
	p.readMapping(node, "", root, "")
	if p.nodes > maxNodes {
		return nil, tooManyNodes(node.Line)
	}
	return &document{root: root, keys: keys, problems: p.problems, apart: p.apart}, nil
}

var yamlLine = lazy.Regexp(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): (.*)$`)

// yamlProblem converts an error of the YAML library into a Problem with its line.
func yamlProblem(err error) error {
	if m := yamlLine().FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		if strings.Contains(m[2], "cannot start any token") {
			m[2] += " (YAML is indented with spaces, not tabs)"
		}
		return pooldef.Problem{Line: line, Text: "malformed YAML: " + m[2]}
	}
	return pooldef.Problem{Text: "malformed YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
}

type yamlParser struct {
	keys     []yamlKey
	hidden   []string
	apart    map[string]*format.YAML // the values of keys of the kind apart
	problems pooldef.Problems
	nodes    int
}

func (p *yamlParser) problem(n *format.YAML, path, text string, args ...any) {
	problem := lineProblem(n.Line, text, args...)
	problem.Element = path
	p.problems = append(p.problems, problem)
}

// forEachPair calls visit for each pair of a mapping. It reports keys that are not scalars or occur twice,
// and resolves aliases.
func (p *yamlParser) forEachPair(
	n *format.YAML, path string, visit func(key, value *format.YAML, full string),
) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		full := strings.TrimPrefix(path+"."+key.Value, ".")
		switch p.nodes++; {
		case p.nodes > maxNodes:
			return
		case key.Kind != format.YAMLScalar:
			p.problem(key, path, "a key must be a plain word")
		case seen[key.Value]:
			p.problem(key, full, "given a second time")
		default:
			seen[key.Value] = true
			visit(key, resolveAlias(value), full)
		}
	}
}

// resolveAlias returns the node that an alias refers to.
func resolveAlias(n *format.YAML) *format.YAML {
	for n.Kind == format.YAMLAlias {
		n = n.Alias
	}
	return n
}

func isNull(n *format.YAML) bool { return n.Kind == format.YAMLScalar && n.ShortTag() == "!!null" }

// readMapping reads the mapping at a path of keys into the element at, whose path in the XML document is
// base.
func (p *yamlParser) readMapping(n *format.YAML, path string, at *xmltree.Element, base string) {
	p.forEachPair(n, path, func(key, value *format.YAML, full string) {
		p.readValue(key, value, full, at, base)
	})
}

// readValue reads the value of one key. full is the key's whole path.
func (p *yamlParser) readValue(key, value *format.YAML, full string, at *xmltree.Element, base string) {
	i := slices.IndexFunc(p.keys, func(k yamlKey) bool { return k.yaml == full })
	below := slices.ContainsFunc(p.keys, func(k yamlKey) bool { return strings.HasPrefix(k.yaml, full+".") })
	switch {
	case strings.Contains(key.Value, ".") || i < 0 && !below:
		p.problem(key, full, "unknown key; known are %s", strings.Join(p.knownKeys(full), ", "))
	case isNull(value):
	case i >= 0 && p.keys[i].kind == apart:
		p.apart[full] = value
	case i < 0 && value.Kind == format.YAMLMapping:
		p.readMapping(value, full, at, base)
	case i < 0:
		p.problem(value, full, "expected a mapping: key: value")
	case p.keys[i].kind == list:
		p.readList(value, p.keys[i], at)
	case p.keys[i].kind == mapping:
		p.readPairs(value, p.keys[i], at)
	case value.Kind != format.YAMLScalar:
		p.problem(value, full, "expected a single value")
	default:
		p.readScalar(value, p.keys[i], at, strings.TrimPrefix(strings.TrimPrefix(p.keys[i].xml, base), "/"))
	}
}

// knownKeys returns the names of all keys beside a key, for messages.
func (p *yamlParser) knownKeys(full string) []string {
	isHidden := func(key string) bool { return slices.Contains(p.hidden, key) && !strings.Contains(full, ".") }
	return slices.DeleteFunc(siblingKeys(p.keys, full), isHidden)
}

// readScalar sets the text or attribute at the path xml below at. A size is split into its number and unit.
func (p *yamlParser) readScalar(n *format.YAML, k yamlKey, at *xmltree.Element, xml string) {
	value, unit := n.Value, ""
	switch k.kind {
	case yesNoKey, presence:
		switch strings.ToLower(value) {
		case "true", "yes", "on":
			value = "yes"
		case "false", "no", "off":
			value = "no"
		default:
			p.problem(n, k.yaml, "%q is neither yes nor no", value)
		}
		if k.kind == presence && value == "yes" {
			setValue(at, xml, "", n.Line)
		}
		if k.kind == presence {
			return
		}
	case sizeKey:
		digits := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		value, unit = strings.TrimSpace(digits), value[len(digits):]
	}
	setValue(at, xml, value, n.Line)
	if unit != "" {
		setValue(at, xml+"/@unit", unit, n.Line)
	}
}

// readList adds one element for each item. A single value counts as a list of one item.
func (p *yamlParser) readList(n *format.YAML, k yamlKey, at *xmltree.Element) {
	items := []*format.YAML{n}
	if n.Kind == format.YAMLSequence {
		items = n.Content
	}
	path, attr, _ := strings.Cut(k.xml, "/@")
	parents, name := splitPath(path)
	for _, item := range items {
		if p.nodes++; p.nodes > maxNodes {
			return
		}
		item = resolveAlias(item)
		isValue := item.Kind == format.YAMLScalar
		if isNull(item) || !isValue && item.Kind != format.YAMLMapping {
			p.problem(item, k.yaml, "an item must be a value or a mapping")
			continue
		}
		e := ensureElement(at, parents, item.Line).Add(&xmltree.Element{Name: name, Line: item.Line})
		if isValue {
			setValue(e, "@"+attr, item.Value, item.Line)
		} else {
			p.readMapping(item, k.yaml, e, path)
		}
	}
}

// readPairs adds one element for each pair, with the attributes name and value.
func (p *yamlParser) readPairs(n *format.YAML, k yamlKey, at *xmltree.Element) {
	if n.Kind != format.YAMLMapping {
		p.problem(n, k.yaml, "expected a mapping: key: value")
		return
	}
	parents, name := splitPath(k.xml)
	p.forEachPair(n, k.yaml, func(key, value *format.YAML, full string) {
		if value.Kind != format.YAMLScalar || isNull(value) {
			p.problem(value, full, "expected a single value")
			return
		}
		e := ensureElement(at, parents, key.Line).Add(&xmltree.Element{Name: name, Line: key.Line})
		setValue(e, "@name", key.Value, key.Line)
		setValue(e, "@value", value.Value, value.Line)
	})
}

// splitPath splits a path before its last name.
func splitPath(path string) (parents, name string) {
	i := strings.LastIndex(path, "/")
	return path[:max(i, 0)], path[i+1:]
}

// ensureElement returns the element at a path below at. It creates missing elements.
func ensureElement(at *xmltree.Element, path string, line int) *xmltree.Element {
	if path == "" {
		return at
	}
	for name := range strings.SplitSeq(path, "/") {
		next := at.Child(name)
		if next == nil {
			next = at.Add(&xmltree.Element{Name: name, Line: line})
		}
		at = next
	}
	return at
}

// setValue sets the text of the element, or adds the attribute, at a path below at.
func setValue(at *xmltree.Element, path, value string, line int) {
	parents, name := splitPath(path)
	if attr, ok := strings.CutPrefix(name, "@"); ok {
		e := ensureElement(at, parents, line)
		e.Attrs = append(e.Attrs, xmltree.Attr{Name: attr, Value: value, Line: line})
		return
	}
	ensureElement(at, path, line).Text = value
}
