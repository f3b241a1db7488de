package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func (l *List) json(values []any) error {
	if l.count > 0 {
		l.out.WriteByte(',')
	}
	l.out.WriteString("\n    {")
	for i, v := range values {
		if i > 0 {
			l.out.WriteByte(',')
		}
		text, err := JSON(v)
		if err != nil {
			return err
		}
		l.out.WriteString("\n      \"" + l.fields[i] + "\": " + text)
	}
	_, err := l.out.WriteString("\n    }")
	return err
}

// jsonLine prints a record as an object on one line.
func (l *List) jsonLine(values []any) error {
	for i, v := range values {
		text, err := JSON(v)
		if err != nil {
			return err
		}
		separator := ","
		if i == 0 {
			separator = "{"
		}
		l.out.WriteString(separator + `"` + l.fields[i] + `":` + text)
	}
	_, err := l.out.WriteString("}\n")
	return err
}

// JSON is json.Marshal without HTML escapes, so that names with an ampersand stay readable. Numbers and
// plain strings are printed without the encoder, because a list may have a million of them.
func JSON(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "null", nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case string:
		if isPlain(v) && !strings.Contains(v, `"`) {
			return `"` + v + `"`, nil
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return escapeJSON(strings.TrimSuffix(b.String(), "\n")), err
}

// escapeJSON escapes the characters that a terminal interprets and the encoder leaves unchanged. The value of
// the document does not change.
func escapeJSON(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return isTerminalControl(r, utf8.RuneLen(r)) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !isTerminalControl(r, utf8.RuneLen(r)) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
