package logical

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// A scanner reads JSON of objects, arrays and strings, as in a report of LVM (lvmreport(7)). A thousand
// volumes have 16,000 strings, for which encoding/json takes several times as long.
type scanner struct{ rest []byte }

// errForm reports text that is not JSON, or JSON of another form.
var errForm = errors.New("unexpected form of the JSON")

// take reports whether c comes next, apart from blanks, and skips it.
func (s *scanner) take(c byte) bool {
	for i, next := range s.rest {
		switch next {
		case ' ', '\t', '\r', '\n':
			continue
		case c:
			s.rest = s.rest[i+1:]
			return true
		}
		break
	}
	return false
}

// list reads what is between two brackets, and calls read for each item.
func (s *scanner) list(opening, closing byte, read func() error) error {
	if !s.take(opening) {
		return errForm
	}
	for isFirst := true; !s.take(closing); isFirst = false {
		if !isFirst && !s.take(',') {
			return errForm
		}
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// array reads an array, and calls read for each value.
func (s *scanner) array(read func() error) error { return s.list('[', ']', read) }

// object reads an object, and calls read for each key. The key is valid until read returns.
func (s *scanner) object(read func(key []byte) error) error {
	return s.list('{', '}', func() error {
		key, err := s.text()
		if err == nil && !s.take(':') {
			err = errForm
		}
		if err == nil {
			err = read(key)
		}
		return err
	})
}

// text reads a string. The result may be a part of the input.
func (s *scanner) text() ([]byte, error) {
	if !s.take('"') {
		return nil, errForm
	}
	for i, c := range s.rest {
		switch {
		case c == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text, nil
		case c < ' ' || c == '\\' || c >= 0x80:
			var text string
			err := s.decode(&text, '"')
			return []byte(text), err
		}
	}
	return nil, errForm
}

// skip skips a value of any kind.
func (s *scanner) skip() error { return s.decode(new(json.RawMessage)) }

// decode reads a value, of which the given bytes have been read, as encoding/json does.
func (s *scanner) decode(value any, begin ...byte) error {
	d := json.NewDecoder(io.MultiReader(bytes.NewReader(begin), bytes.NewReader(s.rest)))
	if err := d.Decode(value); err != nil {
		return err
	}
	s.rest = s.rest[int(d.InputOffset())-len(begin):]
	return nil
}
