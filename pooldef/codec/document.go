// Package codec reads and prints the documents that define pools, volumes and secrets, in libvirt's XML or in
// YAML.
//
// Both languages are parsed into the same tree, an [xmltree.Element] in the shape of the XML document; the
// tables in yaml_keys.go relate YAML keys to XML paths. A reader turns the tree into a definition, and
// reports all problems at once, as [pooldef.Problems] with file, line and element.
//
//   - [ReadPool], [ReadStored], [ReadVolume], [ReadCopy], [ReadSecret] and [ReadSource] read documents.
//   - [ReadDesired] reads what diff and apply compare the machine with, and [DesiredYAML] prints that.
//   - [PoolFromElement] and [VolumeFromElement] read trees that verbs build from their arguments.
//   - [PoolElement], [VolumeElement], [SecretElement] and [SourceElement] return documents as libvirt prints
//     them.
//   - [PoolYAML] prints YAML, and [SetUUID] adds a UUID to YAML that a person wrote.
//
// The package opens no files; it looks up the users and groups that a document names.
package codec

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"poolctl/format"
	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// MaxInput is the maximum size of a document, in bytes: virsh's limit.
const MaxInput = 10 << 20

// ReadInput reads a document from r. If the document is larger than MaxInput, the error is Problems.
func ReadInput(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err == nil && len(data) > MaxInput {
		err = pooldef.Problems{{Text: fmt.Sprintf("larger than %d bytes", MaxInput)}}
	}
	return data, err
}

// A document is a definition as a tree in the shape of the XML document, in whichever language it was
// written.
type document struct {
	file     string
	root     *xmltree.Element
	keys     []yamlKey        // the table of YAML keys; nil for XML
	problems pooldef.Problems // of the YAML parser, which skips what it cannot read

	apart     map[string]*format.YAML // YAML: the values of keys of the kind apart
	managedBy string                  // XML: the name in a comment before the root element
}

// parseDocument parses XML or YAML. keys is the table of YAML keys; nil allows only XML.
func parseDocument(file string, data []byte, keys []yamlKey) (*document, error) {
	doc, err := &document{}, checkText(data)
	switch {
	case err != nil:
	case keys == nil || IsXML(file, data):
		doc.root, doc.managedBy, err = parseXML(data)
	default:
		doc, err = parseYAML(data, keys)
	}
	if err != nil {
		return nil, pooldef.ProblemsIn(file, err)
	}
	doc.file = file
	if doc.problems != nil {
		doc.problems = pooldef.ProblemsIn(file, doc.problems)
	}
	return doc, nil
}

// IsXML reports whether a document is XML: it begins with "<", or its file's suffix is .xml.
func IsXML(file string, data []byte) bool {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	return bytes.HasPrefix(text, []byte("<")) || filepath.Ext(file) == ".xml"
}

// checkText returns a Problem for what neither language allows: documents that are too large, empty, not
// UTF-8, or contain control characters.
func checkText(data []byte) error {
	switch {
	case len(data) > MaxInput:
		return pooldef.Problem{Text: fmt.Sprintf("larger than %d bytes", MaxInput)}
	case len(bytes.TrimSpace(data)) == 0:
		return pooldef.Problem{Line: 1, Text: "the document is empty"}
	}
	line := 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return pooldef.Problem{Line: line, Text: "the document is not in UTF-8"}
		case r == '\n':
			line++
		case r < ' ' && r != '\t' && r != '\r':
			return pooldef.Problem{Line: line, Text: fmt.Sprintf("it contains a control character, %U", r)}
		}
		rest = rest[size:]
	}
	return nil
}

// isConsequence reports whether p only follows from a problem that the YAML parser found, at the same key or
// at a key that contains it.
func (d *document) isConsequence(p pooldef.Problem) bool {
	return slices.ContainsFunc(d.problems, func(q pooldef.Problem) bool {
		return p.Element == q.Element || strings.HasPrefix(p.Element, q.Element+".") && !isList(d.keys, q.Element)
	})
}
