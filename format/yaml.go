package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

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

// yamlRecords prints records as items of a YAML sequence. The library takes a millisecond for each document,
// so that a document has many records. The first one is printed at once.
type yamlRecords struct {
	out     io.Writer
	record  reflect.Type // a struct with a field for each name, because the library sorts the keys of a map
	pending []any
	printed bool
}

// yamlBatch is the number of records in a document.
const yamlBatch = 256

func newYAMLRecords(out io.Writer, names []string) yamlRecords {
	fields := make([]reflect.StructField, len(names))
	for i, name := range names {
		fields[i] = reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[any](),
			Tag: reflect.StructTag(fmt.Sprintf("yaml:%q", name))}
	}
	return yamlRecords{out: out, record: reflect.StructOf(fields)}
}

// add adds a record. values are in the order of the names; nil is null.
func (y *yamlRecords) add(values []any) error {
	record := reflect.New(y.record).Elem()
	for i, v := range values {
		if v != nil {
			record.Field(i).Set(reflect.ValueOf(v))
		}
	}
	y.pending = append(y.pending, record.Interface())
	if y.printed && len(y.pending) < yamlBatch {
		return nil
	}
	return y.flush()
}

// flush prints the records that are still to be printed.
func (y *yamlRecords) flush() error {
	if len(y.pending) == 0 {
		return nil
	}
	var b bytes.Buffer
	if !y.printed {
		b.WriteByte('\n')
	}
	err := PrintYAML(&b, y.pending)
	if err == nil {
		_, err = y.out.Write(b.Bytes())
	}
	clear(y.pending)
	y.pending, y.printed = y.pending[:0], true
	return err
}
