package logical

import (
	"fmt"
	"strings"

	"poolctl/pooldef"
)

// isName reports whether LVM allows a string as the name of a group or volume (lvm(8), valid names).
func isName(s string) bool {
	for _, c := range []byte(s) {
		isLetter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !isLetter && !strings.ContainsRune("+_.-", rune(c)) {
			return false
		}
	}
	return s != "" && s[0] != '-' && s != "." && s != ".."
}

// reserved lists the strings with which LVM names its own volumes. The name of another volume must not begin
// with the first two, and must not contain any of the others (lvm(8), and what LVM 2.03 rejects).
var reserved = []string{
	"snapshot", "pvmove", "_cdata", "_cmeta", "_corig", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog",
	"_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig",
}

// maxName is the maximum length of a name in bytes. LVM limits the names of a group and a volume together to
// 127 bytes, and rejects some names of that length.
const maxName = 124

// group returns the name of a pool's volume group.
func group(p *pooldef.Pool) (string, error) {
	name := p.Source.Name
	if !isName(name) || len(name) > maxName {
		return "", pooldef.Problems{{
			Element: "source/name",
			Text:    fmt.Sprintf("%q cannot be the name of a volume group", name),
		}}
	}
	return name, nil
}

// CheckDefinition implements backend.DefinitionChecker.
func (b *Backend) CheckDefinition(p *pooldef.Pool) error {
	_, err := group(p)
	return err
}

// checkName returns an error if no volume can have the name.
func checkName(name string) error {
	text := ""
	switch {
	case len(name) > maxName:
		text = fmt.Sprintf("the name has %d bytes: LVM's limit is %d", len(name), maxName)
	case !isName(name):
		text = fmt.Sprintf("%q: LVM names consist of a-z A-Z 0-9 + _ . - and do not begin with -", name)
	case tempNames.Match(name):
		text = fmt.Sprintf("%q: such names are reserved for volumes being created", name)
	}
	for i, word := range reserved {
		if strings.HasPrefix(name, word) || i > 1 && strings.Contains(name, word) {
			text = fmt.Sprintf("%q: LVM reserves names with %q", name, word)
		}
	}
	if text == "" {
		return nil
	}
	return pooldef.Problems{{Element: "name", Text: text}}
}
