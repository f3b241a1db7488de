package codec

import (
	"bytes"
	"strings"

	"poolctl/format"
	"poolctl/format/lazy"
	"poolctl/pooldef"
)

// nameLine matches the line of a YAML document that names the pool, up to the value, and what is behind it.
var nameLine = lazy.Regexp(`(?m)^(name:[ \t]+)[^\s#]+`)

// SetName returns the YAML source of a pool with the name of p, which the source defines but for its name.
// Everything else, including comments, stays as it is. If the text does not allow that, for example in
// braces, SetName prints the document anew, with its comments.
func SetName(source []byte, p *pooldef.Pool) ([]byte, error) {
	with := nameLine().ReplaceAll(source, []byte("${1}"+strings.ReplaceAll(p.Name, "$", "$$")))
	read, _, err := ReadPool("", with, false)
	if err == nil && read.Name == p.Name {
		return with, nil
	}
	root, err := format.ParseYAML(source)
	if err != nil {
		return nil, err
	}
	if name := findKey(root, "name"); name != nil {
		name.SetString(p.Name)
	}
	var b bytes.Buffer
	err = format.PrintYAML(&b, root)
	return b.Bytes(), err
}
