package logical

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// each calls read for every row of an array. It keeps one row in memory at a time.
func (r *reader) each(rows []byte, read func()) error {
	d := json.NewDecoder(bytes.NewReader(rows))
	token, err := d.Token()
	if err == nil && token != json.Delim('[') {
		err = errors.New("it is not an array")
	}
	r.values = map[string]string{}
	for err == nil && d.More() {
		clear(r.values)
		if err = d.Decode(&r.values); err == nil {
			read()
			err = r.err
		}
	}
	if _, ok := errors.AsType[*backend.AnswerError](err); err != nil && !ok {
		err = fmt.Errorf("output of %s: %w", r.tool, err)
	}
	return err
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
