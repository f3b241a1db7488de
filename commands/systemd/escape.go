package systemd

import (
	"path/filepath"
	"strings"
)

const hexDigits = "0123456789abcdef"

// escape returns a text as the name of a unit or of its instance (systemd.unit(5), string escaping for
// inclusion in unit names): / becomes -, and any character that a name cannot contain is escaped.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '/':
			b.WriteByte('-')
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z',
			c == ':', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			b.WriteString(`\x`)
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&0xf])
		}
	}
	return b.String()
}

// escapePath returns a clean, absolute path as the name of a mount or device unit, without the suffix.
func escapePath(path string) string {
	if path == "/" {
		return "-"
	}
	return escape(strings.TrimPrefix(path, "/"))
}

// prefixes returns the directories on a clean, absolute path, except /, and the path itself.
func prefixes(path string) []string {
	var all []string
	for ; path != filepath.Dir(path); path = filepath.Dir(path) {
		all = append(all, path)
	}
	return all
}

// quoter escapes what is special in a quoted word.
var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quote quotes a value in a setting that is a list of words (systemd.syntax(7)).
func quote(value string) string { return `"` + quoter.Replace(value) + `"` }

// percent protects a value from the expansion of specifiers (systemd.unit(5)).
func percent(value string) string { return strings.ReplaceAll(value, "%", "%%") }
