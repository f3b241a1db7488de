// Package virsh knows virsh's command line, for poolctl under the name virsh.
//
// [Options] are virsh's global options. [ParseLine] separates them from the command. [Next] finds the program
// that does what poolctl does not do: the next virsh in the PATH.
package virsh

import "strings"

// An Option is a global option of virsh (virsh(1) of 9.0, and --no-pkttyagent of later versions).
type Option struct {
	Short, Long string // with their hyphens
	Value       Value
	// Ignored is set for options of the connection, the log and the terminal. poolctl has no connection to
	// keep alive, and no log.
	Ignored bool
}

// A Value is the sort of value that an option takes.
type Value int

// The sorts of values.
const (
	None Value = iota
	Any
	Number
)

// Options are virsh's global options.
var Options = []Option{
	{"-c", "--connect", Any, false},
	{"-d", "--debug", Number, true},
	{"-e", "--escape", Any, true},
	{"-h", "--help", None, false},
	{"-k", "--keepalive-interval", Number, true},
	{"-K", "--keepalive-count", Number, true},
	{"-l", "--log", Any, true},
	{"-q", "--quiet", None, false},
	{"-r", "--readonly", None, false},
	{"-t", "--timing", None, true},
	{"-v", "", None, false},
	{"-V", "", None, false},
	{"", "--version", None, false},
	{"", "--no-pkttyagent", None, true},
}

// Find finds the option that a word names by its full name, and the value in the same word. The option is nil
// if the word names none.
func Find(word string) (option *Option, value string, hasValue bool) {
	name, value, hasValue := strings.Cut(word, "=")
	for i, o := range Options {
		if name == o.Long && o.Long != "" {
			return &Options[i], value, hasValue
		}
		if value, found := strings.CutPrefix(word, o.Short); found && o.Short != "" {
			return &Options[i], value, value != ""
		}
	}
	return nil, "", false
}
