package manual

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// FindFlag returns the flag of a node that a word names, or nil. value is the text after =, or after the
// letter of a short option.
func FindFlag(node *kong.Node, word string) (flag *kong.Flag, value string, hasValue bool) {
	name, isLong := strings.CutPrefix(word, "--")
	if !isLong {
		if len(word) < 2 || word[0] != '-' {
			return nil, "", false
		}
		for _, f := range node.Flags {
			if f.Short != 0 && rune(word[1]) == f.Short {
				return f, strings.TrimPrefix(word[2:], "="), len(word) > 2
			}
		}
		return nil, "", false
	}
	name, value, hasValue = strings.Cut(name, "=")
	for _, f := range node.Flags {
		if f.Name == name {
			return f, value, hasValue
		}
	}
	return nil, "", false
}

// A partialLine is a command line that is not complete: the words before the one that is being typed. It is
// read as commands/argv.go reads a complete one.
type partialLine struct {
	model  *kong.Application
	verb   *kong.Node        // nil: none yet
	awaits *kong.Value       // the option whose value is the next word, or nil
	given  map[string]string // options, and arguments given by name
	data   []string          // values without a name
	ended  bool              // after --, no word is an option
}

func readLine(model *kong.Application, words []string) *partialLine {
	l := &partialLine{model: model, given: map[string]string{}}
	for _, word := range words {
		l.read(word)
	}
	return l
}

func (l *partialLine) read(word string) {
	option, value, hasValue := l.option(word)
	switch {
	case l.awaits != nil:
		l.given[l.awaits.Name], l.awaits = word, nil
	case !l.ended && word == "--":
		l.ended = l.verb != nil
	case option != nil && !option.IsBool() && !hasValue:
		l.awaits = option
	case option != nil:
		l.given[option.Name] = value
	case l.verb == nil:
		for _, n := range l.model.Children {
			if n.Name == word {
				l.verb = n
			}
		}
	default:
		l.data = append(l.data, word)
	}
}

// option returns the option or the argument that a word names, with the value in the same word. It returns
// nil if the word names neither.
func (l *partialLine) option(word string) (option *kong.Value, value string, hasValue bool) {
	if l.ended {
		return nil, "", false
	}
	if l.verb != nil {
		if flag, value, hasValue := FindFlag(l.verb, word); flag != nil {
			return flag.Value, value, hasValue
		}
	}
	if flag, value, hasValue := FindFlag(l.model.Node, word); flag != nil {
		return flag.Value, value, hasValue
	}
	name, isLong := strings.CutPrefix(word, "--")
	name, value, hasValue = strings.Cut(name, "=")
	if isLong && l.verb != nil {
		for _, a := range l.verb.Positional {
			if a.Name == name {
				return a, value, hasValue
			}
		}
	}
	return nil, "", false
}

// options returns the options that may come next.
func (l *partialLine) options() []Candidate {
	flags := l.model.Flags
	if l.verb != nil {
		flags = slices.Concat(l.verb.Flags, flags)
	}
	var all []Candidate
	for _, f := range flags {
		if !f.Hidden {
			all = append(all, Candidate{"--" + f.Name, f.Help})
		}
	}
	return all
}

// slots returns, in order, the arguments and options that values without a name are assigned to.
func (l *partialLine) slots() []*kong.Value {
	var slots []*kong.Value
	add := func(v *kong.Value) {
		if _, given := l.given[v.Name]; !given {
			slots = append(slots, v)
		}
	}
	if l.verb == nil {
		return nil
	}
	for _, a := range l.verb.Positional {
		add(a)
	}
	for _, f := range l.verb.Flags {
		if f.Tag.Has("position") {
			add(f.Value)
		}
	}
	return slots
}

// value returns the value of an argument or option, by name or by position. It is empty if the line has none.
func (l *partialLine) value(name string) string {
	if value, given := l.given[name]; given {
		return value
	}
	for i, slot := range l.slots() {
		if slot.Name == name && i < len(l.data) {
			return l.data[i]
		}
	}
	return ""
}
