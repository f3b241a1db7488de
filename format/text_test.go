package format

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ text, line, written string }{
		{"", "", ""},
		{`plain ü 日本 "\x1b" \n`, `plain ü 日本 "\x1b" \n`, `plain ü 日本 "\x1b" \n`},
		{"a\n\tb\r", `a\x0a\x09b\x0d`, "a\n\tb\\x0d"},
		{"\x1b[31m\x07\x7f", `\x1b[31m\x07\x7f`, `\x1b[31m\x07\x7f`},
		{"\u009b31m", `\xc2\x9b31m`, `\xc2\x9b31m`},
		{"a\u202eb\u2066c\u200fd", `a\xe2\x80\xaeb\xe2\x81\xa6c\xe2\x80\x8fd`,
			`a\xe2\x80\xaeb\xe2\x81\xa6c\xe2\x80\x8fd`},
		{"\u2028\ufeff", `\xe2\x80\xa8\xef\xbb\xbf`, `\xe2\x80\xa8\xef\xbb\xbf`},
		{"\xff\xc3", `\xff\xc3`, `\xff\xc3`},
		{"\ufffd", "\ufffd", "\ufffd"},
	} {
		if got := Line(test.text); got != test.line {
			t.Errorf("the line of %q is %q, want %q", test.text, got, test.line)
		}
		var b bytes.Buffer
		whole := NewText(&b)
		n, err := whole.Write([]byte(test.text))
		if n != len(test.text) || err != nil || whole.Flush() != nil || b.String() != test.written {
			t.Errorf("%q was written as %q (%d, %v), want %q", test.text, b.String(), n, err, test.written)
		}
		b.Reset()
		pieces := NewText(&b)
		for i := range len(test.text) {
			if n, err := pieces.Write([]byte(test.text[i : i+1])); n != 1 || err != nil {
				t.Errorf("%q: a byte was written as %d (%v)", test.text, n, err)
			}
		}
		if err := pieces.Flush(); err != nil || b.String() != test.written {
			t.Errorf("%q in bytes was written as %q (%v), want %q", test.text, b.String(), err, test.written)
		}
	}
}

// TestJSONIsPrintable checks that JSON contains only printable characters and keeps its value.
func TestJSONIsPrintable(t *testing.T) {
	name := "a\x1b\u009b\x7fb\u202e\u2028\U000e0001\"\\日本"
	text, err := JSON([]string{name})
	if err != nil || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("the name is printed as %q (%v)", text, err)
	}
	var back []string
	if err := json.Unmarshal([]byte(text), &back); err != nil || len(back) != 1 || back[0] != name {
		t.Errorf("%s is read as %q (%v)", text, back, err)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b\u202e\xff\n")
	f.Fuzz(func(t *testing.T, text string) {
		line := Line(text)
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool {
			return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
		}) {
			t.Errorf("%q became %q", text, line)
		}
		if Line(line) != line {
			t.Errorf("%q changes again", line)
		}
	})
}
