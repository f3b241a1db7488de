package commands

import (
	"slices"
	"strconv"
	"strings"
)

// A virshOption is a global option of virsh that has no effect here.
type virshOption struct {
	short, long string
	value       virshValue
}

// A virshValue is the sort of value that an option of virsh takes.
type virshValue int

const (
	noValue virshValue = iota
	anyValue
	numberValue
)

// virshOptions are virsh's options for its connection, its log and its terminal (virsh(1) of 9.0, and
// --no-pkttyagent of later versions). poolctl has no connection to keep alive, and no log.
var virshOptions = []virshOption{
	{"-d", "--debug", numberValue},
	{"-e", "--escape", anyValue},
	{"-k", "--keepalive-interval", numberValue},
	{"-K", "--keepalive-count", numberValue},
	{"-l", "--log", anyValue},
	{"-t", "--timing", noValue},
	{"", "--no-pkttyagent", noValue},
}

// findVirshOption finds the option that a word names, and the value in the same word.
func findVirshOption(word string) (option virshOption, value string, hasValue bool) {
	for _, o := range virshOptions {
		name, value, hasValue := strings.Cut(word, "=")
		if name == o.long {
			return o, value, hasValue
		}
		if value, found := strings.CutPrefix(word, o.short); found && o.short != "" {
			return o, value, value != ""
		}
	}
	return virshOption{}, "", false
}

// isLevel reports whether a word is a value of virsh's --debug. poolctl's own --debug has no value.
func isLevel(word string) bool { return len(word) == 1 && word[0] >= '0' && word[0] <= '4' }

// skipVirshOption removes an option of virsh with its value, and reports whether the word is one.
func (p *argvParser) skipVirshOption(word string) (bool, error) {
	o, value, hasValue := findVirshOption(word)
	switch {
	case o.long == "":
		return false, nil
	case word == "--debug" && !slices.ContainsFunc(p.rest[:min(1, len(p.rest))], isLevel),
		strings.HasPrefix(word, "--debug=") && !isLevel(value):
		return false, nil
	case o.value == noValue && hasValue && strings.HasPrefix(word, "--"):
		return true, p.fail("the option %s has no value", o.long)
	case o.value == noValue:
		if hasValue { // -tq means -t -q
			p.rest = append([]string{"-" + value}, p.rest...)
		}
		return true, nil
	case !hasValue && len(p.rest) == 0:
		return true, p.fail("the option %s needs a value", o.long)
	case !hasValue:
		value = p.next()
	}
	if _, err := strconv.ParseUint(value, 10, 31); err != nil && o.value == numberValue {
		return true, p.fail("the value of %s is a number, not %q", o.long, value)
	}
	return true, nil
}
