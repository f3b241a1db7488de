// Package lazy makes values when they are first used. What is made at start costs every command, also those
// that do not use it.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a function that returns the regular expression text. The first call compiles it, and panics
// if it is malformed.
func Regexp(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
