package commands

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/commands/manual"
)

// normalise converts a command line of virsh into the form that kong reads. In virsh, every option with a
// value can be given by name (--pool x, --pool=x) or by position, and a lone - skips a position. normalise
// uses kong's model of the grammar. It returns the verb, all options, and the verb's arguments in order.
func normalise(model *kong.Application, args []string) ([]string, error) {
	p := argvParser{model: model, rest: args}
	if err := p.globals(); err != nil {
		return nil, err
	}
	if p.verb == nil { // no verb, or an unknown one: kong reports it
		return append(p.out, p.rest...), nil
	}
	if p.verb.Hidden { // __complete: its arguments are another command line
		return append(append(p.out, p.verb.Name, "--"), p.rest...), nil
	}
	return p.afterVerb()
}

// normaliseInBatch converts a verb of a batch with its words. The global options are those of the batch, so
// that none can be taken back or added. Hidden verbs are unknown.
func normaliseInBatch(model *kong.Application, globals, words []string) ([]string, error) {
	p := argvParser{model: model, out: slices.Clone(globals), rest: words[1:], inBatch: true}
	i := slices.IndexFunc(model.Children, func(n *kong.Node) bool { return n.Name == words[0] })
	if i < 0 && strings.HasPrefix(words[0], "-") || i >= 0 && model.Children[i].Hidden {
		return nil, p.fail("unknown verb %s", words[0])
	}
	if i < 0 { // kong reports it
		return append(p.out, words[0]), nil
	}
	p.verb = model.Children[i]
	return p.afterVerb()
}

// afterVerb reads the words after the verb, and returns the line for kong.
func (p *argvParser) afterVerb() ([]string, error) {
	if err := p.options(); err != nil {
		return nil, err
	}
	if err := checkStyleVariable(); err != nil {
		return nil, err
	}
	if p.seen["help"] {
		return []string{p.verb.Name, "--help"}, nil
	}
	return p.assemble()
}

// An argvParser holds the words that are still to be read, and those that have been.
type argvParser struct {
	model   *kong.Application
	rest    []string
	out     []string
	verb    *kong.Node
	inBatch bool
	given   map[string]string // arguments given by name
	seen    map[string]bool   // flags that were given
	data    []string          // values without a name
	virsh   []string          // the lines with which virsh reports the next error
}

// next removes and returns the next word.
func (p *argvParser) next() string {
	word := p.rest[0]
	p.rest = p.rest[1:]
	return word
}

// globals reads the options before the verb, and the verb.
func (p *argvParser) globals() error {
	for len(p.rest) > 0 && p.verb == nil {
		word := p.next()
		if word == "--" {
			continue
		}
		if skipped, err := p.skipVirshOption(word); skipped || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if flag, value, found := manual.FindFlag(p.model.Node, word); flag != nil {
			if err := p.flag(flag, word, value, found); err != nil {
				return err
			}
			continue
		}
		i := slices.IndexFunc(p.model.Children, func(n *kong.Node) bool { return n.Name == word })
		if i < 0 && len(word) > 1 && word[0] == '-' {
			return p.failBeforeVerb(word)
		}
		if i < 0 {
			p.rest = append([]string{word}, p.rest...)
			return nil
		}
		p.verb = p.model.Children[i]
	}
	return nil
}

// assemble assigns the values without a name to the remaining arguments and options, in order, and returns
// the line for kong.
func (p *argvParser) assemble() ([]string, error) {
	var arguments []string
	for _, a := range p.verb.Positional {
		value, named := p.given[a.Name]
		if a.IsCumulative() {
			arguments, p.data = append(arguments, p.data...), nil
			if named {
				arguments = append(arguments, value)
			}
			continue
		}
		if !named && len(p.data) == 0 {
			return nil, p.failMissing(a)
		}
		if !named {
			value, p.data = p.data[0], p.data[1:]
		}
		if value == "" {
			return nil, p.asVirsh(isEmpty, a.Name).fail("the value of <%s> is empty", a.Name)
		}
		arguments = append(arguments, value)
	}
	if err := p.style(arguments); err != nil {
		return nil, err
	}
	for _, f := range p.verb.Flags {
		if len(p.data) == 0 {
			break
		}
		if !f.Tag.Has("position") || p.seen[f.Name] {
			continue
		}
		if value := p.data[0]; value != "-" {
			p.out = append(p.out, "--"+f.Name+"="+value)
		}
		p.data = p.data[1:]
	}
	if len(p.data) > 0 {
		return nil, p.asVirsh("unexpected data '%s'", p.data[0]).fail("unexpected %q", p.data[0])
	}
	line := append([]string{p.verb.Name}, p.out...)
	if len(arguments) > 0 {
		line = append(append(line, "--"), arguments...)
	}
	return line, nil
}
