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
		l.out.WriteString("\n      \"")
		l.out.WriteString(l.fields[i])
		l.out.WriteString("\": ")
		if err := l.jsonValue(v); err != nil {
			return err
		}
	}
	_, err := l.out.WriteString("\n    }")
	return err
}

// jsonLine prints a record as an object on one line.
func (l *List) jsonLine(values []any) error {
	for i, v := range values {
		separator := `,"`
		if i == 0 {
			separator = `{"`
		}
		l.out.WriteString(separator)
		l.out.WriteString(l.fields[i])
		l.out.WriteString(`":`)
		if err := l.jsonValue(v); err != nil {
			return err
		}
	}
	_, err := l.out.WriteString("}\n")
	return err
}

// jsonValue prints a value as JSON does.
func (l *List) jsonValue(v any) error {
	if b, ok := appendPlainJSON(l.out.AvailableBuffer(), v); ok {
		_, err := l.out.Write(b)
		return err
	}
	text, err := JSON(v)
	l.out.WriteString(text)
	return err
}

// appendPlainJSON appends a value that needs no encoder: a list may have a million of them.
func appendPlainJSON(b []byte, v any) (_ []byte, ok bool) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), true
	case bool:
		return strconv.AppendBool(b, v), true
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10), true
	case uint64:
		return strconv.AppendUint(b, v, 10), true
	case string:
		if isPlain(v) && !strings.Contains(v, `"`) {
			return append(append(append(b, '"'), v...), '"'), true
		}
	}
	return b, false
}

// JSON is json.Marshal without HTML escapes, so that names with an ampersand stay readable.
func JSON(v any) (string, error) {
	if b, ok := appendPlainJSON(nil, v); ok {
		return string(b), nil
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
