package format

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is the writer for what people read. Names and messages may come from anybody, and a terminal obeys them: control characters,
// characters that change the direction of text or are not seen, and bytes that are not UTF-8 become \xNN. Newlines and tabs stay.
// A character has to be within one Write.
type Text struct{ W io.Writer }

// Write implements io.Writer.
func (t Text) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.W, visible(string(p), "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Line returns a text as one line, with nothing in it that a terminal obeys. Unlike [Printable] it leaves \x alone: sentences
// quote names in their own way.
func Line(s string) string { return visible(s, "") }

// visible escapes what a terminal obeys, but for the characters in keep.
func visible(s, keep string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if isObeyed(r, size) && !strings.ContainsRune(keep, r) {
			for _, c := range []byte(rest[:size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return b.String()
}

// isObeyed reports whether a character does something to a terminal in place of being shown, or is a byte that is not UTF-8.
func isObeyed(r rune, size int) bool {
	return r == utf8.RuneError && size <= 1 || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
