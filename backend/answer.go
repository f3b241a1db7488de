package backend

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"poolctl/backend/fault"
)

// MaxSize is the largest size, in bytes, that poolctl accepts: the kernel's file offsets have 63 bits
// (loff_t).
const MaxSize = math.MaxInt64

// An AnswerError reports that a tool, or the server that the tool queries, returned an impossible value.
type AnswerError struct {
	Tool  string // the program
	Field string // the tool's name for the value
	Text  string // the value
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s reports an impossible %s: %.100q", e.Tool, e.Field, e.Text)
}

// Kind implements [fault.Error].
func (*AnswerError) Kind() fault.Kind { return fault.Failed }

// ParseSize parses a size in bytes that a tool reports in a field. Sizes above [MaxSize] are an
// [AnswerError].
func ParseSize(tool, field, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, &AnswerError{tool, field, text}
	}
	return n, nil
}

// ParseSectors converts a device's size in /sys to bytes. The kernel counts in sectors of 512 bytes and
// passes on the size that the device reports. A device that was removed has an empty text and the size 0.
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

// Sum returns the sum of sizes that a tool reports in a field. A sum above [MaxSize] is an [AnswerError].
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

// IsPlain reports whether a text is valid UTF-8 without control characters.
func IsPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
