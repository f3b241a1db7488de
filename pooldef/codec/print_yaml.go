package codec

import (
	"bytes"
	"strconv"
	"strings"

	"poolctl/format"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// PoolYAML returns a pool's definition in YAML.
func PoolYAML(p *pooldef.Pool) ([]byte, error) {
	var b bytes.Buffer
	err := format.PrintYAML(&b, poolYAML(p))
	return b.Bytes(), err
}

// poolYAML returns a pool's definition as a YAML document.
func poolYAML(p *pooldef.Pool) *format.YAML {
	tree := PoolElement(p, nil)
	tree.Add(checkElement(&p.Check))
	return yamlOf(tree, poolKeys)
}

// yamlOf returns the YAML document of a tree.
func yamlOf(tree *xmltree.Element, keys []yamlKey) *format.YAML {
	root := &format.YAML{Kind: format.YAMLMapping}
	for _, k := range keys {
		if k.kind != apart {
			printKey(root, tree, k, keys)
		}
	}
	return root
}

// printKey adds one key to the mapping if the document has a value for it. Keys of list items are printed
// with their list.
func printKey(root *format.YAML, tree *xmltree.Element, k yamlKey, keys []yamlKey) {
	path, attr, _ := strings.Cut(k.xml, "/@")
	found := findElements(tree, path)
	if len(found) == 0 || insideList(k, keys) {
		return
	}
	var value *format.YAML
	switch k.kind {
	case list:
		value = &format.YAML{Kind: format.YAMLSequence}
		for _, e := range found {
			value.Content = append(value.Content, listItem(e, k, attr, keys))
		}
	case mapping:
		value = &format.YAML{Kind: format.YAMLMapping}
		for _, e := range found {
			addKey(value, attrValue(e, "name"), newScalar(attrValue(e, "value"), text))
		}
	case presence:
		value = newScalar("yes", yesNoKey)
	default:
		content := found[0].Text
		if attr != "" {
			content = attrValue(found[0], attr)
		} else if name, isAttr := strings.CutPrefix(k.xml, "@"); isAttr {
			content = attrValue(tree, name)
		}
		if content == "" {
			return
		}
		value = newScalar(content, k.kind)
	}
	addAtPath(root, k.yaml, value)
}

// insideList reports whether a key belongs to the items of a list.
func insideList(k yamlKey, keys []yamlKey) bool {
	for _, other := range keys {
		if other.kind == list && strings.HasPrefix(k.yaml, other.yaml+".") {
			return true
		}
	}
	return false
}

// listItem returns a plain value if the element has only the attribute attr, otherwise a mapping.
func listItem(e *xmltree.Element, k yamlKey, attr string, keys []yamlKey) *format.YAML {
	if len(e.Attrs) == 1 && e.Attrs[0].Name == attr {
		return newScalar(e.Attrs[0].Value, text)
	}
	item := &format.YAML{Kind: format.YAMLMapping}
	for _, a := range e.Attrs {
		for _, key := range keys {
			name, ok := strings.CutPrefix(key.yaml, k.yaml+".")
			if ok && strings.HasSuffix(key.xml, "/@"+a.Name) {
				addKey(item, name, newScalar(a.Value, key.kind))
			}
		}
	}
	return item
}

// findElements returns all elements at a path. The paths "" and "@x" mean the root itself.
func findElements(root *xmltree.Element, path string) []*xmltree.Element {
	found := []*xmltree.Element{root}
	if path == "" || path[0] == '@' {
		return found
	}
	for name := range strings.SplitSeq(path, "/") {
		var next []*xmltree.Element
		for _, e := range found {
			for _, c := range e.Children {
				if c.Name == name {
					next = append(next, c)
				}
			}
		}
		found = next
	}
	return found
}

// attrValue returns an attribute's value, or "" if it is missing.
func attrValue(e *xmltree.Element, name string) string {
	for _, a := range e.Attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// newScalar returns the YAML node of a value that the XML document contains as text.
func newScalar(value string, kind yamlKind) *format.YAML {
	n := &format.YAML{}
	n.SetString(value)
	switch kind {
	case number, sizeKey:
		if _, err := strconv.ParseUint(value, 0, 64); err == nil {
			n.Tag = "!!int"
		}
	case yesNoKey:
		n.Tag, n.Value = "!!bool", map[string]string{"yes": "true", "no": "false"}[value]
	}
	return n
}

// addAtPath adds a value at a path of keys. It creates missing mappings.
func addAtPath(at *format.YAML, path string, value *format.YAML) {
	for {
		key, rest, more := strings.Cut(path, ".")
		if !more {
			addKey(at, key, value)
			return
		}
		next := findKey(at, key)
		if next == nil {
			next = &format.YAML{Kind: format.YAMLMapping}
			addKey(at, key, next)
		}
		at, path = next, rest
	}
}

func addKey(at *format.YAML, key string, value *format.YAML) {
	at.Content = append(at.Content, newScalar(key, text), value)
}

// findKey returns the value of a key in a mapping, or nil.
func findKey(at *format.YAML, key string) *format.YAML {
	for i := 0; i+1 < len(at.Content); i += 2 {
		if at.Content[i].Value == key {
			return at.Content[i+1]
		}
	}
	return nil
}
