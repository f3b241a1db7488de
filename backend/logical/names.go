package logical

import (
	"fmt"
	"regexp"
	"strings"

	"poolctl/pooldef"
)

// isName tells the names that groups and volumes can have (lvm(8), valid names).
var isName = regexp.MustCompile(`^[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*$`).MatchString

// reserved are what LVM names its own volumes by: no other may begin with the first two, or have the others in it (lvm(8), and what
// LVM 2.03 refuses).
var reserved = []string{"snapshot", "pvmove", "_cdata", "_cmeta", "_corig", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog", "_pmspare", "_rimage",
	"_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig"}

// longest is how long a name can be: LVM keeps a group's and a volume's together in 127 bytes, and then refuses some of these.
const longest = 124

// group returns the name of a pool's volume group.
func group(p *pooldef.Pool) (string, error) {
	name := p.Source.Name
	if !isName(name) || name == "." || name == ".." || len(name) > longest {
		return "", pooldef.Problems{{Element: "source/name", Text: fmt.Sprintf("%q cannot be the name of a volume group", name)}}
	}
	return name, nil
}

// checkName returns nil if there could be a volume of that name.
func checkName(name string) error {
	text := ""
	switch {
	case len(name) > longest:
		text = fmt.Sprintf("a name of %d bytes: LVM has at most %d", len(name), longest)
	case !isName(name) || name == "." || name == "..":
		text = fmt.Sprintf("%q: LVM's names have the characters a-z A-Z 0-9 + _ . - and do not begin with -", name)
	case marks.Match(name):
		text = fmt.Sprintf("%q: names like that are for volumes that are being made", name)
	}
	for i, word := range reserved {
		if strings.HasPrefix(name, word) || i > 1 && strings.Contains(name, word) {
			text = fmt.Sprintf("%q: LVM keeps names with %q for itself", name, word)
		}
	}
	if text == "" {
		return nil
	}
	return pooldef.Problems{{Element: "name", Text: text}}
}
