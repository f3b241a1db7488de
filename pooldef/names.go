package pooldef

import (
	"fmt"
	"strings"
	"unicode"
)

// MaxName is the maximum length of a pool's name, in bytes. The name becomes a file name (at most 255 bytes),
// to which a suffix and, while the file is written, a prefix and a random number are added.
const MaxName = 230

// CheckName describes what is wrong with a pool's name, which becomes a file name. It returns "" for a valid
// name.
func CheckName(name string) string {
	switch {
	case strings.Contains(name, "/"):
		return fmt.Sprintf("%q: a name cannot contain '/'", name)
	case strings.ContainsFunc(name, isUnprintable):
		return fmt.Sprintf("%q: a name cannot contain control characters or anything but UTF-8", name)
	case strings.HasPrefix(name, "-") || strings.HasPrefix(name, "."): // an option, a hidden file
		return fmt.Sprintf("%q: a name cannot begin with '%s'", name, name[:1])
	case len(name) > MaxName:
		return fmt.Sprintf("the name has %d bytes: the limit is %d", len(name), MaxName)
	}
	return ""
}

func isUnprintable(c rune) bool { return unicode.IsControl(c) || c == unicode.ReplacementChar }

// CheckVolumeName describes what is wrong with a volume's name, by the rules for all pool types. It returns
// "" for a valid name.
func CheckVolumeName(name string) string {
	switch {
	case name == "." || name == "..":
		return fmt.Sprintf("%q: a name cannot be . or ..", name)
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return fmt.Sprintf("%q: a name cannot contain control characters", name)
	}
	return ""
}

// CompareNames orders names as virsh does: byte by byte, ignoring the case of ASCII letters.
func CompareNames(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] { // most names of a pool begin alike
			continue
		}
		if ca, cb := lower(a[i]), lower(b[i]); ca != cb {
			return int(ca) - int(cb)
		}
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
