// Package shell quotes words for a POSIX shell: in hints, in dry runs and in the commands that a Step shows.
package shell

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unquotedChars contains the characters that have no special meaning in a shell.
const unquotedChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_"

// Join quotes words and returns them as a command line.
func Join(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}

// Quote returns a word as a shell reads it, in one line of printable text. A word with control characters,
// characters that change the direction of text, or bytes that are not UTF-8 becomes $'...' (POSIX.1-2024, XCU
// 2.2.4). Any other word is quoted in a way that older shells understand, too.
func Quote(word string) string {
	switch {
	case word != "" && strings.Trim(word, unquotedChars) == "":
		return word
	case utf8.ValidString(word) && strings.IndexFunc(word, isUnprintable) < 0:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for rest := word; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		b.WriteString(dollarQuoted(r, rest[:size]))
		rest = rest[size:]
	}
	return b.String() + "'"
}

func isUnprintable(r rune) bool { return !unicode.IsPrint(r) }

// dollarQuoted returns a character in the form of $'...'. Bytes are three octal digits, because POSIX does
// not specify how many hexadecimal digits a shell reads.
func dollarQuoted(r rune, bytes string) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\'', r == '\\':
		return `\` + bytes
	case unicode.IsPrint(r) && utf8.ValidString(bytes):
		return bytes
	}
	var b strings.Builder
	for _, c := range []byte(bytes) {
		fmt.Fprintf(&b, `\%03o`, c)
	}
	return b.String()
}
