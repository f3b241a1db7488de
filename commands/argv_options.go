package commands

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/commands/manual"
)

// options splits the words after the verb into options, arguments given by name, and values without a name.
func (p *argvParser) options() error {
	p.given = map[string]string{}
	for len(p.rest) > 0 {
		word := p.next()
		if word == "--" {
			p.data = append(p.data, p.rest...)
			return nil
		}
		if len(word) < 2 || word[0] != '-' || word[1] >= '0' && word[1] <= '9' {
			p.data = append(p.data, word)
			continue
		}
		if err := p.option(word); err != nil {
			return err
		}
	}
	return nil
}

// option reads an option after the verb, or an argument that is given by name.
func (p *argvParser) option(word string) error {
	for _, node := range []*kong.Node{p.verb, p.model.Node} {
		flag, value, hasValue := manual.FindFlag(node, word)
		switch {
		case flag == nil:
			continue
		case p.inBatch && node == p.model.Node && flag.Name != "help":
			p.asVirsh(unknownOption, p.verb.Name, word)
			return p.fail("the option %s is one of the whole batch: give it before the batch", word)
		}
		return p.flag(flag, word, value, hasValue)
	}
	name, value, hasValue := strings.Cut(strings.TrimPrefix(word, "--"), "=")
	isNamed := func(a *kong.Positional) bool { return a.Name == name }
	if !strings.HasPrefix(word, "--") || !slices.ContainsFunc(p.verb.Positional, isNamed) {
		return p.failUnknown(word)
	}
	if _, twice := p.given[name]; twice {
		return p.asVirsh("option --%s already seen", name).fail("the option --%s is given twice", name)
	}
	if !hasValue {
		if len(p.rest) == 0 {
			return p.asVirsh(needsValue, name).fail("the option --%s needs a value", name)
		}
		value = p.next()
	}
	p.given[name] = value
	return nil
}
