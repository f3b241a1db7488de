package logical

import (
	"encoding/json"
	"errors"
	"strings"
)

// A scanner reads a report of LVM (lvmreport(7)) from a text that is valid JSON: objects, arrays and strings.
// A thousand volumes have 16,000 strings, for which encoding/json takes several times as long.
type scanner struct{ rest string }

// errForm reports JSON of another form.
var errForm = errors.New("unexpected form of the JSON")

// next returns the kind of the next token, and its text if it is a string. The kind is a bracket, a brace, a
// quote for a string, a character of another value, or 0 at the end.
func (s *scanner) next() (kind byte, text string, err error) {
	s.rest = strings.TrimLeft(s.rest, " \t\r\n,:") // valid JSON has separators only where they belong
	if s.rest == "" {
		return 0, "", nil
	}
	if kind = s.rest[0]; kind != '"' {
		s.rest = s.rest[1:]
		if !strings.ContainsRune("[]{}", rune(kind)) { // a number, true, false or null
			s.rest = strings.TrimLeft(s.rest, "0123456789.E+-abcdefghijklmnopqrstuvwxyz")
		}
		return kind, "", nil
	}
	isPlain, end := true, 1
	for ; s.rest[end] != '"'; end++ {
		if c := s.rest[end]; c == '\\' {
			isPlain = false
			end++
		} else if c >= 0x80 {
			isPlain = false
		}
	}
	literal := s.rest[:end+1]
	s.rest = s.rest[end+1:]
	if isPlain {
		return kind, literal[1:end], nil
	}
	text, err = decodeString(literal)
	return kind, text, err
}

func decodeString(literal string) (text string, err error) {
	err = json.Unmarshal([]byte(literal), &text)
	return text, err
}

// array reads an array of objects, and calls read after the brace of each.
func (s *scanner) array(read func() error) error {
	if kind, _, err := s.next(); kind != '[' || err != nil {
		return errForm
	}
	for {
		switch kind, _, _ := s.next(); kind {
		case ']':
			return nil
		case '{':
			if err := read(); err != nil {
				return err
			}
		default:
			return errForm
		}
	}
}

// object reads the rest of an object after its brace, and calls read for each key.
func (s *scanner) object(read func(key string) error) error {
	for {
		kind, key, err := s.next()
		if kind == '}' || err != nil {
			return err
		}
		if err := read(key); err != nil {
			return err
		}
	}
}

// skip skips a value.
func (s *scanner) skip() error {
	for depth := 0; ; {
		kind, _, err := s.next()
		switch kind {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case 0:
			return errForm
		}
		if depth == 0 || err != nil {
			return err
		}
	}
}
