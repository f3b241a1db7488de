package pooldef

import (
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// NewUUID makes a random uuid.
func NewUUID() string { return uuid.NewString() }

// NameUUID returns the uuid of a pool whose definition has none: always the same one for a name.
func NameUUID(name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("poolctl:"+name)).String()
}

var looseUUID = regexp.MustCompile(`^\s*(?:[- ]*[0-9A-Fa-f]{2}){16}\s*$`)

// ParseUUID reads a uuid as libvirt does, with dashes or blanks between any two bytes or nowhere, and returns its usual form.
func ParseUUID(s string) (string, bool) {
	if !looseUUID.MatchString(s) {
		return "", false
	}
	hex := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(s)))
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:], true
}
