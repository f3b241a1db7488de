package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// topics are texts that poolctl help shows. Those with a title are also sections of the front page; the
// others have a manual page of their own.
var topics = []struct{ name, title, help string }{
	{"yaml", "", "Definitions in YAML."},
	{"statuses", "EXIT STATUS", "The exit statuses, and kinds of errors."},
	{"environment", "ENVIRONMENT", "Environment variables."},
	{"output", "", "Output for programs, with all fields."},
	{"systemd", "", "Starting pools at boot."},
}

// TopicNames returns the names of the topics.
func TopicNames() []string {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.name
	}
	return names
}

// topicCandidates returns the topics for completion.
func topicCandidates() []Candidate {
	all := make([]Candidate, len(topics))
	for i, t := range topics {
		all[i] = Candidate{t.name, t.help}
	}
	return all
}

// Topic returns the text of a topic for a terminal, and whether there is such a topic.
func (m *Manual) Topic(name string) (text string, found bool) {
	for _, t := range topics {
		if t.name == name {
			return plainText(m.topic(name)), true
		}
	}
	return "", false
}

// topic returns the text of a topic in the macros of man(7).
func (m *Manual) topic(name string) string {
	switch name {
	case "statuses":
		return m.statuses()
	case "environment":
		return environment(m.Model.Flags) + sectionText(name)
	case "output":
		list := func(names []string) string { return strings.Join(names, ", ") }
		return fmt.Sprintf(sectionText(name), list(m.Pool), list(m.Volume), list(m.Secret))
	}
	return sectionText(name)
}

// statuses returns a paragraph for each exit status.
func (m *Manual) statuses() string {
	text := "In parentheses: the kind of an error in JSON."
	for _, s := range m.Statuses {
		text += fmt.Sprintf("\n.TP\n%d\n%s", s.Code, escapeRoff(s.text()))
	}
	return text + "\n.TP\ncheck\n" + escapeRoff("has the statuses of monitoring plugins: 0 if all is well, "+
		"1 for a warning, 2 for a critical state, 3 for everything else, including wrong command lines. "+
		"Only --help and --version end it with 0.")
}

// environment returns a paragraph for each option that a variable can set.
func environment(flags []*kong.Flag) string {
	text := ""
	for _, f := range flags {
		for _, name := range f.Envs {
			text += fmt.Sprintf(".TP\n%s\nThe same as \\-\\-%s: %s\n", name, escapeRoff(f.Name), escapeRoff(f.Help))
		}
	}
	return text
}

// plainText formats text in the macros of man(7) for a terminal.
func plainText(roff string) string {
	t := &topicText{}
	for line := range strings.SplitSeq(roff, "\n") {
		t.line(line)
	}
	t.flush()
	return t.out.String()
}

// A topicText collects the words of a paragraph.
type topicText struct {
	out       strings.Builder
	words     []string
	tag       string // of the paragraph, in the left margin
	awaitsTag bool   // the next line is the tag
	inTagged  bool
	unfilled  bool // between .nf and .fi, lines stay as they are
}

// line reads a line. The macros are those that the texts use.
func (t *topicText) line(line string) {
	macro, rest, _ := strings.Cut(line, " ")
	switch macro {
	case ".TP":
		t.flush()
		t.awaitsTag, t.inTagged = true, true
		return
	case ".PP":
		t.flush()
		t.inTagged = false
		t.out.WriteByte('\n')
		return
	case ".nf", ".EX":
		t.flush()
		t.unfilled = true
		return
	case ".fi", ".EE":
		t.unfilled = false
		return
	case ".B", ".I":
		line = rest
	case ".BR", ".IR":
		line = strings.ReplaceAll(strings.Join(strings.Fields(rest), ""), `"`, "")
	}
	line = unescapeRoff(line)
	switch {
	case t.unfilled:
		t.out.WriteString(line + "\n")
	case t.awaitsTag:
		t.tag, t.awaitsTag = line, false
	default:
		t.words = append(t.words, strings.Fields(line)...)
	}
}

// flush ends a paragraph.
func (t *topicText) flush() {
	const indent = 6
	text := strings.Join(t.words, " ")
	switch {
	case t.inTagged && len(t.tag)+2 < indent:
		t.out.WriteString(wrap(fmt.Sprintf("  %-*s%s", indent-2, t.tag, text), indent) + "\n")
	case t.inTagged && t.tag != "":
		t.out.WriteString("  " + t.tag + "\n" + wrap(strings.Repeat(" ", indent)+text, indent) + "\n")
	case text != "":
		t.out.WriteString(wrap(text, 0) + "\n")
	}
	t.words, t.tag = nil, ""
}

// unescapeRoff returns the characters that escapes denote.
func unescapeRoff(text string) string {
	return strings.NewReplacer(`\-`, "-", `\e`, `\`, `\(rs`, `\`, `\&`, "").Replace(text)
}
