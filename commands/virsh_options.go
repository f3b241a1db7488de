package commands

import (
	"slices"
	"strconv"
	"strings"

	"poolctl/commands/virsh"
)

// isLevel reports whether a word is a value of virsh's --debug. poolctl's own --debug has no value.
func isLevel(word string) bool { return len(word) == 1 && word[0] >= '0' && word[0] <= '4' }

// skipVirshOption removes an option of virsh that has no effect here, with its value. It reports whether the
// word is one.
func (p *argvParser) skipVirshOption(word string) (bool, error) {
	o, value, hasValue := virsh.Find(word)
	switch {
	case o == nil || !o.Ignored:
		return false, nil
	case word == "--debug" && !slices.ContainsFunc(p.rest[:min(1, len(p.rest))], isLevel),
		strings.HasPrefix(word, "--debug=") && !isLevel(value):
		return false, nil
	case o.Value == virsh.None && hasValue && strings.HasPrefix(word, "--"):
		return true, p.fail("the option %s has no value", o.Long)
	case o.Value == virsh.None:
		if hasValue { // -tq means -t -q
			p.rest = append([]string{"-" + value}, p.rest...)
		}
		return true, nil
	case !hasValue && len(p.rest) == 0:
		return true, p.fail("the option %s needs a value", o.Long)
	case !hasValue:
		value = p.next()
	}
	if _, err := strconv.ParseUint(value, 10, 31); err != nil && o.Value == virsh.Number {
		return true, p.fail("the value of %s is a number, not %q", o.Long, value)
	}
	return true, nil
}
