package logical

import (
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"poolctl/backend"
)

// A reader reads the fields of a row that a tool reports. Fields that were not queried read as empty. The
// first missing or impossible value sets err.
type reader struct {
	tool   string
	asked  []string
	values map[string]string
	err    error
}

// each calls read for every row under a key of a report.
func (r *reader) each(report []byte, key string, read func()) error {
	if !json.Valid(report) {
		return json.Unmarshal(report, new(any))
	}
	s, values := &scanner{string(report)}, map[string]string{}
	r.values = values
	readRow := func() error {
		clear(values)
		err := s.object(func(field string) error {
			kind, text, err := s.next()
			if err == nil && kind != '"' {
				err = errForm
			}
			values[field] = text
			return err
		})
		if err == nil {
			read()
			err = r.err
		}
		return err
	}
	if kind, _, _ := s.next(); kind != '{' {
		return errForm
	}
	return s.object(func(name string) error {
		if name != "report" {
			return s.skip()
		}
		return s.array(func() error {
			return s.object(func(name string) error {
				if name != key {
					return s.skip()
				}
				return s.array(readRow)
			})
		})
	})
}

// check sets err if a queried field is invalid.
func (r *reader) check(field string, is bool) {
	if !is && r.err == nil && slices.Contains(r.asked, field) {
		r.err = &backend.AnswerError{Tool: r.tool, Field: field, Text: r.values[field]}
	}
}

// text returns the text of a field.
func (r *reader) text(field string) string {
	text, found := r.values[field]
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
	r.check(field, text == "" || isName().MatchString(plain) && plain != "." && plain != "..")
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
	text := r.values[field]
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
