package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/backend"
	"poolctl/pooldef"
)

// Complete is the hidden verb __complete: it prints the candidates for the last of the words of a command line. It never waits
// for a lock, asks, or says that something is wrong: a shell is waiting for it.
type Complete struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run prints candidates.
func (c *Complete) Run(e *env) error {
	words := slices.DeleteFunc(slices.Clone(c.Words), func(w string) bool { return w == "--" })
	if len(words) == 0 {
		words = []string{""}
	}
	typed := words[len(words)-1]
	for _, candidate := range e.candidates(words[:len(words)-1], typed) {
		if strings.HasPrefix(candidate, typed) {
			fmt.Fprintln(e.data, candidate)
		}
	}
	return nil
}

// candidates returns what may follow the words before.
func (e *env) candidates(before []string, typed string) []string {
	verb := e.verbOf(before)
	if verb == nil {
		var names []string
		for _, n := range e.kong.Model.Children {
			if !n.Hidden {
				names = append(names, n.Name)
			}
		}
		return append(names, flagNames(e.kong.Model.Node)...)
	}
	if len(before) > 0 {
		if flag, _, hasValue := findFlag(verb, before[len(before)-1]); flag != nil && !flag.IsBool() && !hasValue {
			return e.values(flag.Name, flag.Enum, verb, before, typed)
		}
	}
	if strings.HasPrefix(typed, "-") {
		return append(flagNames(verb), flagNames(e.kong.Model.Node)...)
	}
	if position := positional(verb, before); position < len(verb.Positional) {
		a := verb.Positional[position]
		return e.values(a.Name, a.Enum, verb, before, typed)
	}
	return nil
}

func (e *env) verbOf(words []string) *kong.Node {
	for _, w := range words {
		for _, n := range e.kong.Model.Children {
			if n.Name == w {
				return n
			}
		}
	}
	return nil
}

func flagNames(n *kong.Node) []string {
	var names []string
	for _, f := range n.Flags {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	}
	return names
}

// positional counts the arguments after the verb.
func positional(verb *kong.Node, words []string) int {
	words = words[slices.Index(words, verb.Name)+1:]
	n := 0
	for i := 0; i < len(words); i++ {
		flag, _, hasValue := findFlag(verb, words[i])
		switch {
		case flag != nil && !flag.IsBool() && !hasValue:
			i++
		case flag == nil && !strings.HasPrefix(words[i], "-"):
			n++
		}
	}
	return n
}

// values returns what an argument or option of that name can be.
func (e *env) values(name, enum string, verb *kong.Node, before []string, typed string) []string {
	if enum != "" {
		return strings.Split(enum, ",")
	}
	switch name {
	case "type":
		return pooldef.TypeNames()
	case "pool":
		return e.poolNames(verb.Name)
	case "vol", "backing-vol":
		return e.volumeNames(before, typed)
	case "secret":
		return e.secretUUIDs()
	case "verb":
		return e.candidates(nil, "")
	}
	return nil
}

// poolNames are the pools that a verb can work on.
func (e *env) poolNames(verb string) []string {
	entries, _ := e.store.All()
	entries = slices.DeleteFunc(entries, func(entry *pooldef.Entry) bool { return entry.Err != nil })
	var names []string
	for _, s := range e.statuses(entries) {
		if want, ok := poolStates[verb]; !ok || s.active == want {
			names = append(names, s.entry.Name)
		}
	}
	return names
}

// poolStates tells which verbs need a pool that is active, or one that is not.
var poolStates = map[string]bool{
	"pool-start": false, "pool-delete": false, "pool-build": false, "pool-undefine": false,
	"pool-destroy": true, "pool-refresh": true, "vol-list": true, "vol-create": true, "vol-create-as": true,
}

// volumeNames are those of the pool that the line names already; without one, only a path can be completed.
func (e *env) volumeNames(before []string, typed string) []string {
	var names []string
	entries, _ := e.store.All()
	for _, entry := range entries {
		if entry.Err != nil {
			continue
		}
		named := slices.Contains(before, entry.Name)
		b, ok := e.backends[entry.Live().Type]
		if _, located := b.(backend.Locator); !ok || !located { // no questions to servers from a shell's prompt
			continue
		}
		if !named && (!strings.HasPrefix(typed, "/") || entry.Live().Target.Path == "") {
			continue
		}
		if active, err := e.active(entry); err != nil || !active {
			continue
		}
		for v, err := range b.Volumes(e.ctx, entry.Live()) {
			if err != nil {
				break
			}
			if named {
				names = append(names, v.Name)
			} else {
				names = append(names, v.Target.Path)
			}
		}
	}
	return names
}

// secretUUIDs are those of the secrets that can be used.
func (e *env) secretUUIDs() []string {
	entries, _ := e.store.Secrets()
	var ids []string
	for _, entry := range entries {
		if entry.Err == nil {
			ids = append(ids, entry.UUID)
		}
	}
	return ids
}
