// Package codec reads and prints the documents that define pools, volumes and secrets.
//
// Definitions are written in two languages: libvirt's XML, and YAML with the same content. Both are read into the
// same tree, an [xmltree.Element] in the shape of the XML document. The table of YAML keys (yaml_keys.go) relates
// the languages. A reader then takes the tree apart, and reports everything that is wrong at once, as
// [pooldef.Problems] with file, line and element.
//
//   - [ReadPool], [ReadVolume], [ReadCopy], [ReadSecret] and [ReadSource] read documents.
//   - [PoolFromElement] and [VolumeFromElement] read trees that a command line was turned into.
//   - [PoolElement], [VolumeElement], [SecretElement] and [SourceElement] print as libvirt does; [PoolYAML] prints
//     YAML, and [SetUUID] adds a UUID to YAML that a person wrote.
//
// The package reads no files. It only asks this machine for the IDs of users and groups that a document names.
package codec

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"poolctl/format/xmltree"
	"poolctl/pooldef"
)

// MaxInput is the largest definition that is read, in bytes: virsh's own limit.
const MaxInput = 10 << 20

// ReadInput reads at most MaxInput bytes of a definition.
func ReadInput(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err == nil && len(data) > MaxInput {
		err = pooldef.Problems{{Text: fmt.Sprintf("larger than %d bytes", MaxInput)}}
	}
	return data, err
}

// A document is a definition as a tree in XML's shape, whatever language it was written in.
type document struct {
	file     string
	root     *xmltree.Element
	keys     []yamlKey        // the YAML language it is written in; nil: XML
	problems pooldef.Problems // with the language, that do not keep the rest from being read
}

// parseDocument reads XML or YAML, told apart by the first character; without a table of keys, XML.
func parseDocument(file string, data []byte, keys []yamlKey) (*document, error) {
	doc := &document{file: file}
	err := checkText(data)
	switch {
	case err != nil:
	case keys == nil || IsXML(file, data):
		doc.root, err = parseXML(data)
	default:
		doc.keys = keys
		doc.root, doc.problems, err = parseYAML(data, keys)
	}
	if err != nil {
		return nil, pooldef.ProblemsIn(file, err)
	}
	doc.problems = pooldef.ProblemsIn(file, doc.problems)
	return doc, nil
}

// IsXML tells whether a definition is XML, by its first character or the suffix of the file.
func IsXML(file string, data []byte) bool {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	return bytes.HasPrefix(text, []byte("<")) || filepath.Ext(file) == ".xml"
}

// checkText refuses what neither language allows: too much, nothing, what is not UTF-8, control characters.
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
			return pooldef.Problem{Line: line, Text: fmt.Sprintf("there is a control character, %U", r)}
		}
		rest = rest[size:]
	}
	return nil
}

// isConsequence tells whether a problem is but a consequence of one with the language: there, or at what it stands in.
func (d *document) isConsequence(p pooldef.Problem) bool {
	return slices.ContainsFunc(d.problems, func(q pooldef.Problem) bool {
		return p.Element == q.Element || strings.HasPrefix(p.Element, q.Element+".") && !isList(d.keys, q.Element)
	})
}
