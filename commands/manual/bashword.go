package manual

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"poolctl/backend/host/shell"
)

// A bashWord is a word as typed in bash (bash(1), QUOTING), without expansion.
type bashWord struct {
	plain   string // the text without its quotes
	quote   string // the open quote at its end: ', ", $' or none
	opened  int    // offset of the text in the open quote; 0 if none is open
	expands bool   // bash would expand it: a variable, a pattern, ...
}

// readBash reads a word, which may end inside quotes.
func readBash(raw string) bashWord {
	var w bashWord
	var plain strings.Builder
	for at := 0; at < len(raw); {
		text, size := w.next(raw[at:], at)
		at += size
		plain.WriteString(text)
		if w.quote == "" {
			w.opened = 0
		} else if w.opened == 0 {
			w.opened = at
		}
	}
	w.plain = plain.String()
	return w
}

// next reads the next character of a word, and returns its text and its length in bytes.
func (w *bashWord) next(rest string, at int) (text string, size int) {
	switch quote := w.quote; {
	case quote != "" && rest[0] == quote[len(quote)-1]:
		w.quote = ""
		return "", 1
	case quote == "'":
	case quote == "$'" && rest[0] == '\\':
		return unescape(rest)
	case quote == "$'":
	case rest[0] == '\\':
		return w.escaped(rest)
	case rest[0] == '$' || rest[0] == '`':
		return w.dollar(rest)
	case quote == "" && strings.ContainsRune(`'"`, rune(rest[0])):
		w.quote = rest[:1]
		return "", 1
	case quote == "":
		w.expands = w.expands || strings.ContainsRune("*?[{", rune(rest[0])) || at == 0 && rest[0] == '~'
	}
	return rest[:1], 1
}

// escaped reads a backslash outside of ' and $', and the character after it.
func (w *bashWord) escaped(rest string) (text string, size int) {
	switch {
	case len(rest) == 1:
		return "", 1
	case rest[1] == '\n':
		return "", 2
	case w.quote == `"` && !strings.ContainsRune("\"\\$`", rune(rest[1])):
		return rest[:2], 2
	}
	return rest[1:2], 2
}

// dollar reads a $ or ` that is not escaped.
func (w *bashWord) dollar(rest string) (text string, size int) {
	if w.quote == "" && len(rest) > 1 && rest[0] == '$' && (rest[1] == '\'' || rest[1] == '"') {
		w.quote = strings.TrimSuffix(rest[:2], `"`)
		if rest[1] == '"' {
			w.quote = `"`
		}
		return "", 2
	}
	w.expands = true
	return rest[:1], 1
}

// escapes has the escapes of $'...' that consist of one character.
var escapes = map[byte]string{
	'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'e': "\x1b", 'E': "\x1b", 'f': "\f", 'v': "\v",
	'\\': `\`, '\'': "'", '"': `"`, '?': "?",
}

// unescape reads an escape inside $'...': one character or octal digits, as bash and quoteBash write them. An
// escape that the end of the word cuts off is empty. Any other backslash is itself.
func unescape(rest string) (text string, size int) {
	if len(rest) == 1 {
		return "", 1
	}
	if text, ok := escapes[rest[1]]; ok {
		return text, 2
	}
	digits := 1
	for digits < min(len(rest), 4) && rest[digits] >= '0' && rest[digits] <= '7' {
		digits++
	}
	n, err := strconv.ParseUint(rest[1:digits], 8, 8)
	switch {
	case err != nil: // no digits, or more than a byte
		return rest[:1], 1
	case digits < 4 && digits == len(rest):
		return "", digits
	}
	return string([]byte{byte(n)}), digits
}

// bare has the characters that have no special meaning in bash, quoted or not.
const bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_"

// quoteBash returns a text as it must be typed after an open quote, or after none, and closes the quote. The
// result is printable, and starts no history expansion (bash(1), HISTORY EXPANSION).
func quoteBash(text, quote string) string {
	var b strings.Builder
	for rest := text; rest != ""; {
		if n := unprintable(rest); n > 0 {
			b.WriteString(closing(quote) + shell.Quote(rest[:n]) + quote)
			rest = rest[n:]
			continue
		}
		_, size := utf8.DecodeRuneInString(rest)
		b.WriteString(quoteCharacter(rest[:size], quote))
		rest = rest[size:]
	}
	return b.String() + closing(quote)
}

func closing(quote string) string {
	if quote == "" {
		return ""
	}
	return quote[len(quote)-1:]
}

// unprintable returns the number of bytes before the first printable character.
func unprintable(text string) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			break
		}
		n += size
	}
	return n
}

// quoteCharacter quotes a printable character.
func quoteCharacter(c, quote string) string {
	switch {
	case quote == "" && (strings.Contains(bare, c) || len(c) > 1):
		return c
	case quote == "":
		return `\` + c
	case c == "!" && quote != "'":
		return closing(quote) + `\!` + quote
	case quote == "'" && c == "'":
		return `'\''`
	case quote == `"` && strings.ContainsAny(c, "\"\\$`"), quote == "$'" && (c == "'" || c == `\`):
		return `\` + c
	}
	return c
}
