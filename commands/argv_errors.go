package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/commands/manual"
	"poolctl/format"
)

// fail returns a usageError for the verb.
func (p *argvParser) fail(text string, args ...any) error {
	text = fmt.Sprintf(text, args...)
	if p.verb == nil {
		return &usageError{text: text}
	}
	return &usageError{verb: p.verb.Name, text: p.verb.Name + ": " + text}
}

// failBeforeVerb returns an error about an option before the verb that is not a global option.
func (p *argvParser) failBeforeVerb(word string) error {
	for _, verb := range p.model.Children {
		if flag, _, _ := manual.FindFlag(verb, word); flag != nil && slices.Contains(p.rest, verb.Name) {
			return p.fail("the option %s must come after the verb %s", word, verb.Name)
		}
	}
	return p.failUnknown(word)
}

// failUnknown returns an error about an unknown option. It asks about the option or argument that is most
// like it, if any.
func (p *argvParser) failUnknown(word string) error {
	var names []string
	nodes := []*kong.Node{p.model.Node}
	if p.verb != nil {
		nodes = append(nodes, p.verb)
	}
	for _, node := range nodes {
		for _, f := range node.Flags {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		}
		for _, a := range node.Positional {
			names = append(names, a.Name)
		}
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
	if p.verb != nil && (name == "output" || strings.HasPrefix(word, "-o")) {
		return p.fail("the output has one form only, so -o does not apply")
	}
	if similar := format.Similar(name, names); similar != "" {
		return p.fail("unknown option %s, did you mean --%s?", word, similar)
	}
	return p.fail("unknown option %s", word)
}

// verbsLike returns text that names the verbs that end in a word, such as vol-list for list, if any.
func verbsLike(word string) string {
	var names []string
	for _, name := range verbNames() {
		if strings.HasSuffix(name, "-"+word) {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	return ", did you mean " + strings.Join(names, ", ") + "?"
}
