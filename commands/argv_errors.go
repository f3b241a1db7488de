package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/backend/fault"
	"poolctl/commands/manual"
	"poolctl/format"
)

// fail returns a usageError for the verb.
func (p *argvParser) fail(text string, args ...any) error {
	usage := &usageError{text: fmt.Sprintf(text, args...)}
	if p.verb != nil {
		usage = &usageError{verb: p.verb.Name, text: p.verb.Name + ": " + usage.text}
	}
	if p.virsh != nil {
		return &commandError{usage, p.virsh}
	}
	return usage
}

// Lines with which virsh reports errors of a command line.
const (
	needsValue    = "expected syntax: --%s <string>"
	isEmpty       = "Failed to get option '%s': Option argument is empty"
	unknownOption = "command '%s' doesn't support option %s"
)

// asVirsh adds a line with which virsh reports the next error.
func (p *argvParser) asVirsh(text string, args ...any) *argvParser {
	p.virsh = append(p.virsh, fmt.Sprintf(text, args...))
	return p
}

// failMissing returns an error about an argument that is missing. virsh reports all that are.
func (p *argvParser) failMissing(first *kong.Positional) error {
	isMissing := false
	for _, a := range p.verb.Positional {
		isMissing = isMissing || a == first
		if _, named := p.given[a.Name]; isMissing && !named {
			p.asVirsh("command '%s' requires <%s> option", p.verb.Name, a.Name)
		}
	}
	return p.fail("<%s> is missing", first.Name)
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
	if p.verb != nil && strings.HasPrefix(word, "--") {
		name, _, _ := strings.Cut(word, "=")
		p.asVirsh(unknownOption, p.verb.Name, name)
	} else {
		p.asVirsh("unexpected data '%s'", word)
	}
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
	for _, kind := range []string{"pool", "vol", "secret"} {
		if word == kind+"s" || word == "volumes" && kind == "vol" {
			names = append(names, kind+"-list")
		}
	}
	if names == nil {
		return ""
	}
	return ", did you mean " + strings.Join(names, ", ") + "?"
}

// A usageError reports a command line that cannot be understood.
type usageError struct {
	verb string // whose help the hint names; empty: the general help
	text string
}

// A commandError is a usageError with the lines that virsh prints.
type commandError struct {
	*usageError
	virsh []string
}

// Unwrap returns the usageError.
func (e *commandError) Unwrap() error { return e.usageError }

func (e *usageError) Error() string { return e.text }

// asVirsh returns the error with the line that virsh prints instead.
func (e *usageError) asVirsh(text string, args ...any) error {
	return &commandError{e, []string{fmt.Sprintf(text, args...)}}
}

// exclusive returns the error about two options that exclude each other.
func exclusive(verb, one, other string) error {
	usage := &usageError{verb, fmt.Sprintf("--%s and --%s exclude each other", one, other)}
	return usage.asVirsh("Options --%s and --%s are mutually exclusive", one, other)
}

// Kind implements [fault.Error].
func (*usageError) Kind() fault.Kind { return fault.Usage }
