// Package batch splits text into commands and words, as virsh does with a single argument and with the lines
// of its standard input (virsh(1), COMMAND_STRING; vshCommandStringParse in libvirt's tools/vsh.c).
//
//   - Spaces and tabs separate words. A semicolon or a newline ends a command.
//   - Between single quotes, every character stands for itself.
//   - Elsewhere, also between double quotes, a backslash makes the next character stand for itself. A
//     backslash and the newline after it vanish.
//   - A word that begins with # begins a comment, which ends with the line.
//
// Nothing is expanded. Quotes that do not end are an error; virsh accepts a single quote that does not end.
package batch

import (
	"errors"
	"strings"
)

// The errors of [Parse], in virsh's words.
var (
	errBackslash = errors.New(`dangling \`)
	errSingle    = errors.New("missing '")
	errDouble    = errors.New(`missing "`)
	errNul       = errors.New("the text contains a NUL byte")
)

// Parse returns the commands of a text, each with its words. Commands without words are omitted.
func Parse(text string) ([][]string, error) {
	if strings.Contains(text, "\x00") {
		return nil, errNul
	}
	var commands [][]string
	var words []string
	p := parser{text}
	for {
		p.skip()
		switch {
		case p.rest == "" || p.rest[0] == ';' || p.rest[0] == '\n':
			if words != nil {
				commands, words = append(commands, words), nil
			}
			if p.rest == "" {
				return commands, nil
			}
			p.next()
		case p.rest[0] == '#':
			_, line, found := strings.Cut(p.rest, "\n")
			if p.rest = line; found {
				p.rest = "\n" + line
			}
		default:
			word, err := p.word()
			if err != nil {
				return nil, err
			}
			words = append(words, word)
		}
	}
}

// A parser has the text that is still to be read.
type parser struct{ rest string }

// next removes and returns the next byte.
func (p *parser) next() byte {
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// skip removes what separates words.
func (p *parser) skip() {
	for {
		before := p.rest
		p.rest = strings.TrimPrefix(strings.TrimLeft(p.rest, " \t"), "\\\n")
		if p.rest == before {
			return
		}
	}
}

// word removes a word, and returns it without its quotes and backslashes.
func (p *parser) word() (string, error) {
	var word strings.Builder
	for p.rest != "" && !strings.ContainsRune(" \t;\n", rune(p.rest[0])) {
		var err error
		switch b := p.next(); b {
		case '\'':
			err = p.single(&word)
		case '"':
			err = p.double(&word)
		case '\\':
			err = p.backslash(&word)
		default:
			word.WriteByte(b)
		}
		if err != nil {
			return "", err
		}
	}
	return word.String(), nil
}

// single reads the rest of a text in single quotes.
func (p *parser) single(word *strings.Builder) error {
	text, rest, found := strings.Cut(p.rest, "'")
	if !found {
		return errSingle
	}
	word.WriteString(text)
	p.rest = rest
	return nil
}

// double reads the rest of a text in double quotes.
func (p *parser) double(word *strings.Builder) error {
	for p.rest != "" {
		switch b := p.next(); b {
		case '"':
			return nil
		case '\\':
			if err := p.backslash(word); err != nil {
				return err
			}
		default:
			word.WriteByte(b)
		}
	}
	return errDouble
}

// backslash reads the character after a backslash.
func (p *parser) backslash(word *strings.Builder) error {
	if p.rest == "" {
		return errBackslash
	}
	if b := p.next(); b != '\n' {
		word.WriteByte(b)
	}
	return nil
}
