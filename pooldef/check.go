package pooldef

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"poolctl/backend/fault"
)

// CheckSettings are the settings of "poolctl check" for one pool, which only YAML definitions can have;
// poolctl's extension.
type CheckSettings struct {
	Warning, Critical *Range   // of the used percentage; nil: the default
	Skip              []Option // the findings to leave out, each with the reason
}

// A Range is a range of values in which there is nothing to report, as monitoring plugins take it for -w and
// -c: "80" is 0 to 80, "10:" 10 or more, "~:80" 80 or less, "10:20" 10 to 20. With a leading @, there is
// nothing to report outside the range. Both limits belong to the range.
//
// Source: Monitoring Plugins Development Guidelines, "Threshold and Ranges".
type Range struct {
	Start, End float64 // may be infinite
	Inside     bool    // report values in the range
}

// A RangeError reports that a text is not a range.
type RangeError struct{ Text, Reason string }

func (e *RangeError) Error() string {
	reason := e.Reason
	if reason == "" {
		reason = "a range is END, START:, START:END or ~:END, with a leading @ to report values in it"
	}
	return fmt.Sprintf("%q is not a range: %s", e.Text, reason)
}

// Kind implements [fault.Error].
func (*RangeError) Kind() fault.Kind { return fault.Usage }

// ParseRange parses a range of percentages. A % may follow each number. The error is a [RangeError].
func ParseRange(text string) (Range, error) {
	body, inside := strings.CutPrefix(text, "@")
	start, end, hasStart := strings.Cut(body, ":")
	r := Range{Start: 0, End: math.Inf(1), Inside: inside}
	var err error
	switch {
	case !hasStart:
		r.End, err = parseLimit(start)
	default:
		if start == "~" {
			r.Start = math.Inf(-1)
		} else if start != "" {
			r.Start, err = parseLimit(start)
		}
		if end != "" && err == nil {
			r.End, err = parseLimit(end)
		}
	}
	switch {
	case err != nil || body == ":":
		return Range{}, &RangeError{Text: text}
	case r.Start > r.End:
		return Range{}, &RangeError{text, "it ends before it begins"}
	}
	return r, nil
}

// parseLimit parses a decimal number, which a % may follow.
func parseLimit(text string) (float64, error) {
	text = strings.TrimSuffix(text, "%")
	if strings.Trim(text, "0123456789.-") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// Reports reports whether a value is to be reported.
func (r Range) Reports(value float64) bool {
	return (value >= r.Start && value <= r.End) == r.Inside
}

// Scale returns the range with its limits multiplied by a positive factor, and rounded.
func (r Range) Scale(factor float64) Range {
	r.Start, r.End = math.Round(r.Start*factor), math.Round(r.End*factor)
	return r
}

// String returns the shortest text that [ParseRange] reads as the range.
func (r Range) String() string {
	number := func(limit float64) string { return strconv.FormatFloat(limit, 'f', -1, 64) }
	text := ""
	switch {
	case math.IsInf(r.Start, -1):
		text = "~:"
	case r.Start != 0 || math.IsInf(r.End, 1):
		text = number(r.Start) + ":"
	}
	if !math.IsInf(r.End, 1) {
		text += number(r.End)
	}
	if r.Inside {
		return "@" + text
	}
	return text
}
