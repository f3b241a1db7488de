package format

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Text is a writer for output that people read. Names and messages may come from anybody, and a terminal
// interprets control characters. Text writes control characters, characters that are invisible or change the
// direction of text, and bytes that are not UTF-8 as \xNN. Newlines and tabs stay. Several goroutines can use
// a Text at once.
type Text struct {
	w    io.Writer
	mu   sync.Mutex
	rest string // the beginning of a character whose end has not been written yet
}

// NewText returns a Text that writes to w.
func NewText(w io.Writer) *Text { return &Text{w: w} }

// Write implements io.Writer. An incomplete character at the end of p is kept until its rest is written.
func (t *Text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rest == "" && plainPrefix(p, "\n\t") == len(p) {
		return t.w.Write(p)
	}
	text := t.rest + string(p)
	whole := len(text) - incompleteTail(text)
	t.rest = text[whole:]
	if _, err := io.WriteString(t.w, escape(text[:whole], "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes an incomplete character that Write has kept.
func (t *Text) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := io.WriteString(t.w, escape(t.rest, ""))
	t.rest = ""
	return err
}

// incompleteTail returns the length of the incomplete character at the end of a text, in bytes; 0 if there is
// none.
func incompleteTail(text string) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if end := text[len(text)-n:]; utf8.RuneStart(end[0]) {
			if utf8.FullRuneInString(end) {
				return 0
			}
			return n
		}
	}
	return 0
}

// Line returns a text as one line, in which everything that a terminal interprets is escaped. Unlike
// [Printable], Line leaves \x unchanged, because messages quote names in their own way.
func Line(s string) string { return escape(s, "") }

// escape escapes what a terminal interprets, except the characters in keep.
func escape(s, keep string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for rest := s; rest != ""; {
		if n := plainPrefix(rest, keep); n > 0 {
			b.WriteString(rest[:n])
			rest = rest[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		if isTerminalControl(r, size) {
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

// isTerminalControl reports whether a terminal interprets a character instead of showing it, or whether the
// character is a byte that is not UTF-8.
func isTerminalControl(r rune, size int) bool {
	return r == utf8.RuneError && size <= 1 || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
