package format

import (
	"bytes"
	"errors"
	"io"

	"gopkg.in/yaml.v3"
)

// YAML is a node of a YAML document. Only this file imports the YAML library; its maintained successor has
// the same API.
type YAML = yaml.Node

// The kinds of YAML nodes.
const (
	YAMLMapping  = yaml.MappingNode
	YAMLSequence = yaml.SequenceNode
	YAMLScalar   = yaml.ScalarNode
	YAMLAlias    = yaml.AliasNode
)

// ParseYAML parses one YAML document and returns its root. Errors contain the line.
func ParseYAML(data []byte) (*YAML, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second YAML
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return nil, errors.New("the document is empty")
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return document.Content[0], nil
}

// ParseYAMLStream parses all YAML documents of a stream and returns their roots, without the empty ones.
// Errors contain the line.
func ParseYAMLStream(data []byte) ([]*YAML, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var roots []*YAML
	for {
		var document YAML
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return roots, nil
		case err != nil:
			return nil, err
		case len(document.Content) > 0 && document.Content[0].ShortTag() != "!!null":
			roots = append(roots, document.Content[0])
		}
	}
}

// PrintYAML prints a value, or a node with its comments, with an indentation of two blanks.
func PrintYAML(w io.Writer, value any) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	return encoder.Close()
}
