package commands

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/format"
)

// Complete is the hidden verb __complete: it prints the candidates for the last of the words of a command
// line. It never waits for a lock, asks, or says that something is wrong: a shell is waiting for it.
//
//	__complete -- WORD...              one candidate a line; a name that holds a newline is none
//	__complete bash [=TEXT] -- WORD... for completion/poolctl.bash, see [completeBash]
//	__complete zsh|fish -- WORD...     for the other scripts: all that is printed ends with a NUL byte
//
// For a shell a word comes first that says what the candidates are: words, files or directories. The shell
// knows the last two itself.
type Complete struct {
	Words []string `arg:"" optional:""`
}

// The kinds of candidates.
const (
	words       = "words"
	files       = "files"
	directories = "directories"
)

// Run prints candidates.
func (c *Complete) Run(e *env) error {
	asked, line := cutSeparator(c.Words)
	switch {
	case len(asked) > 0 && asked[0] == "bash":
		e.completeBash(asked[1:], line)
	case len(asked) > 0 && (asked[0] == "zsh" || asked[0] == "fish"):
		e.completeNul(asked[0], line)
	default:
		_, candidates := e.complete(line)
		for _, candidate := range candidates {
			if !strings.Contains(candidate, "\n") {
				fmt.Fprintln(e.data, candidate)
			}
		}
	}
	return nil
}

// cutSeparator cuts the words at the first --, which is the script's: any other is the user's. Without one
// all are the user's.
func cutSeparator(all []string) (asked, line []string) {
	i := slices.Index(all, "--")
	return all[:max(i, 0)], all[i+1:]
}

// completeNul prints the kind and the candidates, each with a NUL byte at its end. zsh also gets each as
// people may see it, and fish takes what is behind a tab for a description.
func (e *env) completeNul(shell string, line []string) {
	kind, candidates := e.complete(line)
	fmt.Fprint(e.data, kind, "\x00")
	for _, candidate := range candidates {
		switch {
		case shell == "zsh":
			fmt.Fprint(e.data, candidate, "\x00", format.Line(candidate), "\x00")
		case !strings.Contains(candidate, "\t"):
			fmt.Fprint(e.data, candidate, "\x00")
		}
	}
}

// complete returns the candidates for the last word of a line, which they begin with, in order.
func (e *env) complete(line []string) (kind string, candidates []string) {
	if len(line) == 0 {
		line = []string{""}
	}
	typed := line[len(line)-1]
	before := readLine(e.kong.Model, line[:len(line)-1])
	if err := e.adopt(before); err != nil {
		return words, nil
	}
	kind, all := e.candidates(before, typed)
	for _, candidate := range all {
		if strings.HasPrefix(candidate, typed) {
			candidates = append(candidates, candidate)
		}
	}
	slices.Sort(candidates)
	return kind, slices.Compact(candidates)
}

// adopt applies what a line says of where definitions are, unless our own command line says it.
func (e *env) adopt(l *partialLine) error {
	g := &e.cli.Globals
	for _, option := range []struct {
		value     *string
		name, env string
	}{
		{&g.ConfigDir, "config-dir", "POOLCTL_CONFIG_DIR"}, {&g.RunDir, "run-dir", "POOLCTL_RUN_DIR"},
		{&g.LibvirtDir, "libvirt-dir", "POOLCTL_LIBVIRT_DIR"}, {&g.Connect, "connect", ""},
	} {
		if value := l.given[option.name]; value != "" && *option.value == os.Getenv(option.env) {
			*option.value = value
		}
	}
	return e.setDirectories()
}

// candidates returns what may follow a line: also what does not begin with what is typed.
func (e *env) candidates(l *partialLine, typed string) (kind string, all []string) {
	if l.awaits != nil {
		return e.values(l, l.awaits, typed)
	}
	if !l.ended && strings.HasPrefix(typed, "-") {
		if option, value, hasValue := l.option(typed); hasValue && !option.IsBool() {
			kind, all = e.values(l, option, value)
			for i := range all {
				all[i] = strings.TrimSuffix(typed, value) + all[i]
			}
			return kind, all
		}
		all = l.optionNames()
	}
	if l.verb == nil {
		return words, append(all, visibleVerbs(e.kong.Model)...)
	}
	slots := l.slots()
	if len(l.data) >= len(slots) {
		return words, all
	}
	kind, values := e.values(l, slots[len(l.data)], typed)
	return kind, append(all, values...)
}

func visibleVerbs(model *kong.Application) []string {
	var names []string
	for _, n := range model.Children {
		if !n.Hidden {
			names = append(names, n.Name)
		}
	}
	return names
}

// A partialLine is a command line that is not complete: the words before the one that is typed, read as
// [normalise] reads them.
type partialLine struct {
	model  *kong.Application
	verb   *kong.Node        // nil: it is still to come
	awaits *kong.Value       // the option whose value comes next, or nil
	given  map[string]string // options, and arguments given by name
	data   []string          // values without a name
	ended  bool              // there was a --: no more options come
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

// option returns the option that a word is or begins with, or the argument that it gives by name; nil if it
// does neither.
func (l *partialLine) option(word string) (option *kong.Value, value string, hasValue bool) {
	if l.ended {
		return nil, "", false
	}
	if l.verb != nil {
		if flag, value, hasValue := findFlag(l.verb, word); flag != nil {
			return flag.Value, value, hasValue
		}
	}
	if flag, value, hasValue := findFlag(l.model.Node, word); flag != nil {
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

// optionNames are those of the options that may come next.
func (l *partialLine) optionNames() []string {
	flags := l.model.Flags
	if l.verb != nil {
		flags = slices.Concat(l.verb.Flags, flags)
	}
	var names []string
	for _, f := range flags {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	}
	return names
}

// slots are the arguments, and the options that may be given by position, that values without a name are for,
// in their order.
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

// value returns what the line gives for an argument or option, by name or by position; empty if nothing.
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
