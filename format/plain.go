package format

import "strings"

// A listing has a million characters, nearly all of them printable ASCII, so these functions look at eight
// bytes at a time.

// each returns a word of eight equal bytes.
func each(b byte) uint64 { return ^uint64(0) / 255 * uint64(b) }

// word returns the first eight bytes of a text.
func word[T string | []byte](s T) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// arePrintable reports whether the bytes of a word are printable ASCII: from ' ' to '~'.
func arePrintable(w uint64) bool { return ((w-each(' '))|(w+each(0x7f-'~'))|w)&each(0x80) == 0 }

// have reports whether one of the bytes of a word, which are printable ASCII, is b.
func have(w uint64, b byte) bool { return ((w^each(b))-each(1))&each(0x80) != 0 }

// isPlain reports whether a text is printable ASCII without backslashes.
func isPlain(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		if w := word(s); !arePrintable(w) || have(w, '\\') {
			return false
		}
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// plainPrefix returns how many bytes at the beginning of a text are printable ASCII or in keep.
func plainPrefix[T string | []byte](s T, keep string) int {
	for i := 0; i < len(s); i++ {
		for len(s)-i >= 8 && arePrintable(word(s[i:])) {
			i += 8
		}
		if i < len(s) && (s[i] < ' ' || s[i] > '~') && strings.IndexByte(keep, s[i]) < 0 {
			return i
		}
	}
	return len(s)
}
