package format

import (
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Similar returns the name that a mistyped one most probably means: that with the fewest characters changed,
// at most two, and at most one for three characters of the name. It returns "" if there is no such name.
func Similar(typed string, names []string) string {
	best, least := "", min(2, utf8.RuneCountInString(typed)/3)
	for _, name := range names {
		if n := levenshtein.ComputeDistance(typed, name); n > 0 && (n < least || n == least && best == "") {
			best, least = name, n
		}
	}
	return best
}
