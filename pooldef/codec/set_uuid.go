package codec

import (
	"bytes"
	"fmt"

	"poolctl/format"
	"poolctl/pooldef"
)

// SetUUID adds the uuid to a pool's YAML that has none, and leaves all the rest, comments too, as it is: at the end, or,
// where the text does not allow that (in braces, say), by printing it anew.
func SetUUID(source []byte, p *pooldef.Pool) ([]byte, error) {
	end := "\n"
	if bytes.HasSuffix(source, []byte("\n")) {
		end = ""
	}
	for _, with := range [][]byte{source, fmt.Appendf(bytes.Clone(source), "%suuid: %s\n", end, p.UUID)} {
		if read, _, err := ReadPool("", with, false); err == nil && PoolElement(read, nil).String() == PoolElement(p, nil).String() {
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
