package codec

import (
	"bytes"
	"fmt"
	"slices"

	"poolctl/format"
	"poolctl/pooldef"
)

// SetUUID returns the YAML source of p with p's UUID and ManagedBy, which the source may lack. Everything
// else, including comments, stays as it is: the keys are added at the end. If the text does not allow that,
// for example in braces, SetUUID prints the document anew, with its comments.
func SetUUID(source []byte, p *pooldef.Pool) ([]byte, error) {
	uuid := fmt.Appendf(nil, "uuid: %s\n", p.UUID)
	mark := fmt.Appendf(nil, "managed_by: %q\n", p.ManagedBy)
	lines := bytes.Clone(source)
	if !bytes.HasSuffix(lines, []byte("\n")) {
		lines = append(lines, '\n')
	}
	for _, with := range [][]byte{source, slices.Concat(lines, uuid), slices.Concat(lines, mark),
		slices.Concat(lines, uuid, mark)} {
		read, _, err := ReadStored("", with, false)
		if err == nil && read.ManagedBy == p.ManagedBy &&
			PoolElement(read, nil).String() == PoolElement(p, nil).String() {
			return with, nil
		}
	}
	root, err := format.ParseYAML(source)
	if err != nil {
		return nil, err
	}
	setKey(root, "uuid", p.UUID)
	if p.ManagedBy != "" {
		setKey(root, "managed_by", p.ManagedBy)
	}
	var b bytes.Buffer
	err = format.PrintYAML(&b, root)
	return b.Bytes(), err
}

// setKey sets the text of a key of a mapping.
func setKey(root *format.YAML, key, value string) {
	if given := findKey(root, key); given != nil {
		given.SetString(value)
	} else {
		addKey(root, key, newScalar(value, text))
	}
}
