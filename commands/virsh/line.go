package virsh

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Line is a command line of virsh.
type Line struct {
	URI             string // of --connect
	Quiet, ReadOnly bool
	Timing          bool     // print how long each command takes
	About           string   // the option that asks for help or a version, if any
	Words           []string // the command and its arguments, or one batch
}

// ParseLine parses the arguments of virsh as getopt_long(3) does for it: global options come first, long ones
// may be abbreviated, short ones joined.
func ParseLine(args []string) (Line, error) {
	l := Line{}
	for rest := args; len(rest) > 0; {
		word := rest[0]
		if word == "--" {
			l.Words = rest[1:]
			break
		}
		if len(word) < 2 || word[0] != '-' {
			l.Words = rest
			break
		}
		var err error
		if rest, err = l.option(word, rest[1:]); err != nil || l.About != "" {
			return l, err
		}
	}
	return l, nil
}

// option reads a word with an option, and returns the words after its value.
func (l *Line) option(word string, rest []string) ([]string, error) {
	o, value, hasValue := Find(complete(word))
	switch {
	case o == nil:
		return nil, errors.New("unsupported option '" + word + "'. See --help.")
	case o.Value == None && !strings.HasPrefix(word, "--") && hasValue: // -qr means -q -r
		rest = append([]string{"-" + value}, rest...)
	case o.Value != None && !hasValue && len(rest) == 0:
		return nil, fmt.Errorf("option '%s'/'%s' requires an argument", o.Short, o.Long)
	case o.Value != None && !hasValue:
		value, rest = rest[0], rest[1:]
	}
	if _, err := strconv.Atoi(value); err != nil && o.Value == Number {
		return nil, fmt.Errorf("option %s takes a numeric argument", o.Short)
	}
	switch o.Long {
	case "--connect":
		l.URI = value
	case "--quiet":
		l.Quiet = true
	case "--readonly":
		l.ReadOnly = true
	case "--timing":
		l.Timing = true
	case "--help", "--version", "":
		l.About = word
	}
	return rest, nil
}

// complete returns a word in which an abbreviated long option has its full name.
func complete(word string) string {
	name, value, hasValue := strings.Cut(word, "=")
	var found []string
	for _, o := range Options {
		if o.Long == name {
			return word
		}
		if len(name) > 2 && strings.HasPrefix(o.Long, name) {
			found = append(found, o.Long)
		}
	}
	if len(found) != 1 {
		return word
	}
	if hasValue {
		return found[0] + "=" + value
	}
	return found[0]
}
