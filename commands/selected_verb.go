package commands

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// A selectedVerb is the verb of a command line, with the values of its arguments and options.
type selectedVerb struct{ *kong.Node }

// value returns the value of an argument or option, and whether the command has it.
func (c selectedVerb) value(name string) (value string, found bool) {
	for _, a := range c.Positional {
		if a.Name == name {
			return fmt.Sprint(a.Target.Interface()), true
		}
	}
	for _, f := range c.Flags {
		if f.Name == name {
			return fmt.Sprint(f.Target.Interface()), true
		}
	}
	return "", false
}

// is reports whether an option without a value is given.
func (c selectedVerb) is(name string) bool {
	value, _ := c.value(name)
	return value == "true"
}
