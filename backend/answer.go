package backend

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"poolctl/fault"
)

// MaxSize is the most bytes that anything can have: the kernel counts them in 63 bits (loff_t).
const MaxSize = math.MaxInt64

// An AnswerError tells that a program, or a server behind it, reports what cannot be.
type AnswerError struct {
	Tool  string // the program
	Field string // its word for what it reports
	Text  string // what it reports
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s reports an impossible %s: %.100q", e.Tool, e.Field, e.Text)
}

// Kind implements [fault.Error].
func (*AnswerError) Kind() fault.Kind { return fault.Failed }

// ParseSize reads a number of bytes that a tool reports in a field. It is at most [MaxSize].
func ParseSize(tool, field, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, &AnswerError{tool, field, text}
	}
	return n, nil
}

// ParseSectors reads a device's size in /sys, where the kernel counts sectors of 512 bytes: it believes what
// the device reports. One that is gone has none.
func ParseSectors(device, text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	sectors, err := strconv.ParseUint(text, 10, 63-9)
	if err != nil {
		return 0, &AnswerError{device, "number of sectors", text}
	}
	return sectors * 512, nil
}

// Sum returns the sum of sizes that a tool reports in a field. It is at most [MaxSize].
func Sum(tool, field string, sizes ...uint64) (uint64, error) {
	sum := uint64(0)
	for _, size := range sizes {
		if size > MaxSize-sum {
			return 0, &AnswerError{tool, field, fmt.Sprint(size)}
		}
		sum += size
	}
	return sum, nil
}

// CheckSizes returns the error of [Sum].
func CheckSizes(tool, field string, sizes ...uint64) error {
	_, err := Sum(tool, field, sizes...)
	return err
}

// IsPlain reports whether a text is UTF-8 without control characters.
func IsPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
