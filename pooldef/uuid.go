package pooldef

import (
	"strings"

	"poolctl/format/lazy"

	"github.com/google/uuid"
)

// NewUUID returns a random UUID.
func NewUUID() string { return uuid.NewString() }

// NameUUID returns the UUID of a pool whose definition has none. It depends only on the pool's name.
func NameUUID(name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("poolctl:"+name)).String()
}

var looseUUID = lazy.Regexp(`^\s*(?:[- ]*[0-9A-Fa-f]{2}){16}\s*$`)

// ParseUUID parses a UUID as libvirt does, with or without dashes or blanks between any two bytes, and
// returns the canonical form: 36 characters, lower case.
func ParseUUID(s string) (string, bool) {
	const canonical = 36
	if id, err := uuid.Parse(s); err == nil && len(s) == canonical { // spares the regular expression
		return id.String(), true
	}
	if !looseUUID().MatchString(s) {
		return "", false
	}
	hex := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(s)))
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:], true
}
