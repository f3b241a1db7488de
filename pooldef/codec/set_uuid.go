package codec

import (
	"bytes"
	"fmt"

	"poolctl/format"
	"poolctl/pooldef"
)

// SetUUID returns the YAML source of p with p's UUID, which the source may lack. Everything else, including
// comments, stays as it is: the UUID is added at the end. If the text does not allow that, for example in
// braces, SetUUID prints the document anew, with its comments.
func SetUUID(source []byte, p *pooldef.Pool) ([]byte, error) {
	end := "\n"
	if bytes.HasSuffix(source, []byte("\n")) {
		end = ""
	}
	for _, with := range [][]byte{source, fmt.Appendf(bytes.Clone(source), "%suuid: %s\n", end, p.UUID)} {
		read, _, err := ReadPool("", with, false)
		if err == nil && PoolElement(read, nil).String() == PoolElement(p, nil).String() {
			return with, nil
		}
	}
	root, err := format.ParseYAML(source)
	if err != nil {
		return nil, err
	}
	if given := findKey(root, "uuid"); given != nil {
		given.SetString(p.UUID)
	} else {
		addKey(root, "uuid", newScalar(p.UUID, text))
	}
	var b bytes.Buffer
	err = format.PrintYAML(&b, root)
	return b.Bytes(), err
}
