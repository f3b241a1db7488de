package logical

import (
	"bytes"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend"
)

// A reader reads the fields of a row that a tool reports. Fields that were not queried read as empty. The
// first missing or impossible value sets err.
type reader struct {
	tool  string
	asked []string
	texts []string // of the asked fields in the row, and of the row before where it has none
	found []bool   // whether the row has the fields
	err   error
}

func newReader(tool, fields string) *reader {
	r := &reader{tool: tool, asked: strings.Split(fields, ",")}
	r.texts, r.found = make([]string, len(r.asked)), make([]bool, len(r.asked))
	return r
}

// each calls read for every row under a key of a report.
func (r *reader) each(report []byte, key string, read func()) error {
	s := &scanner{report}
	part := func() error {
		return s.object(func(name []byte) error {
			if string(name) != key {
				return s.skip()
			}
			return s.array(func() error {
				err := r.row(s)
				if err == nil {
					read()
					err = r.err
				}
				return err
			})
		})
	}
	err := s.object(func(name []byte) error {
		if string(name) != "report" {
			return s.skip()
		}
		return s.array(part)
	})
	if err == nil && len(bytes.TrimLeft(s.rest, " \t\r\n")) > 0 {
		err = errForm
	}
	return err
}

// row reads a row. Rows have the fields in the order in which they were asked, and most have the same text in
// some of them, which then needs no memory.
func (r *reader) row(s *scanner) error {
	clear(r.found)
	next := 0
	return s.object(func(field []byte) error {
		text, err := s.text()
		if next == len(r.asked) || string(field) != r.asked[next] {
			next = slices.Index(r.asked, string(field))
		}
		if err != nil || next < 0 {
			next = 0
			return err
		}
		if string(text) != r.texts[next] {
			r.texts[next] = string(text)
		}
		r.found[next] = true
		next++
		return nil
	})
}

// value returns the text of a field, and whether the row has the field.
func (r *reader) value(field string) (text string, found bool) {
	i := slices.Index(r.asked, field)
	if i < 0 || !r.found[i] {
		return "", false
	}
	return r.texts[i], true
}

// check sets err if a queried field is invalid.
func (r *reader) check(field string, is bool) {
	if !is && r.err == nil && slices.Contains(r.asked, field) {
		text, _ := r.value(field)
		r.err = &backend.AnswerError{Tool: r.tool, Field: field, Text: text}
	}
}

// text returns the text of a field.
func (r *reader) text(field string) string {
	text, found := r.value(field)
	r.check(field, found && backend.IsPlain(text))
	return text
}

// name returns the name of a group or volume, or "" if there is none. Names of LVM's internal volumes are in
// brackets.
func (r *reader) name(field string) string {
	text := r.text(field)
	plain := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		plain = text[1 : len(text)-1]
	}
	r.check(field, text == "" || isName(plain))
	return text
}

// size returns a number, such as a number of bytes, or 0 if there is none.
func (r *reader) size(field string) uint64 {
	text := r.text(field)
	if text == "" {
		return 0
	}
	n, err := backend.ParseSize(r.tool, field, text)
	r.check(field, err == nil)
	return n
}

// percent returns a percentage from 0 to 100, or -1 if there is none.
func (r *reader) percent(field string) float64 {
	text := r.text(field)
	if text == "" {
		return -1
	}
	n, err := strconv.ParseFloat(text, 64)
	r.check(field, err == nil && n >= 0 && n <= 100)
	return n
}

// device returns the major or minor number of a device; "-1" or "" if there is none.
func (r *reader) device(field string) string {
	text, _ := r.value(field)
	_, err := strconv.ParseUint(text, 10, 32)
	r.check(field, err == nil || text == "-1" || text == "")
	return text
}

// ranges returns the text of a field with extent ranges, in extents of the given size in bytes. It checks
// that the byte offsets of all ranges are valid.
func (r *reader) ranges(field string, extent uint64) string {
	text := r.text(field)
	for _, m := range ranges().FindAllStringSubmatch(text, -1) {
		first, err := strconv.ParseUint(m[2], 10, 63)
		last, err2 := strconv.ParseUint(m[3], 10, 63)
		high, end := bits.Mul64(last+1, extent)
		r.check(field, err == nil && err2 == nil && first <= last && high == 0 && end <= backend.MaxSize)
	}
	return text
}
