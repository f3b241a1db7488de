package manual

import (
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// WriteVerbPage writes the manual page of a verb, such as poolctl-vol-clone(8), and reports whether there is
// such a verb. Its texts are those of the verb's help.
func (m *Manual) WriteVerbPage(w io.Writer, name string) bool {
	for _, verb := range m.Model.Children {
		if verb.Name == name && !verb.Hidden {
			page{w}.verb(m, verb)
			return true
		}
	}
	return false
}

// pageName returns the name of a verb's manual page. man(1) finds it as "man poolctl vol-clone".
func pageName(verb *kong.Node) string { return "poolctl-" + verb.Name }

func (p page) verb(m *Manual, verb *kong.Node) {
	p.header(pageName(verb), 8, pageTitle(verb.Help))
	arguments := strings.TrimPrefix(usageLine(verb), "Usage: poolctl "+verb.Name)
	p.section("SYNOPSIS", ".B poolctl "+escapeRoff(verb.Name))
	if arguments != "" {
		p.line(escapeRoff(strings.TrimSpace(arguments)))
	}
	p.section("DESCRIPTION", escapeRoff(verb.Help))
	details, examples := cutExamples(verb.Detail)
	for _, paragraph := range details {
		p.line(".PP\n" + escapeRoff(paragraph))
	}
	if len(verb.Positional) > 0 {
		p.section("ARGUMENTS", "")
	}
	for _, a := range verb.Positional {
		p.line(".TP\n.I <" + escapeRoff(a.Name) + ">\n" + escapeRoff(a.Help))
	}
	if len(flagRows(verb.Flags)) > 0 {
		p.section("OPTIONS", "")
		p.flags(verb.Flags)
	}
	if hasArgument(verb, "id", "only") {
		p.section("FINDINGS", "")
		for _, finding := range m.Findings {
			p.line(".TP\n.B " + escapeRoff(finding.Word) + "\n" + escapeRoff(finding.Help))
		}
	}
	p.section("EXIT STATUS", "0 if the verb succeeded, or had nothing to do.\n.BR poolctl (8)\n"+
		"lists the others, and the global options.")
	p.section("ENVIRONMENT", verbEnvironment(verb, m.Model.Flags))
	if len(examples) > 0 {
		p.section("EXAMPLES", "")
		p.examples(examples)
	}
	p.seeAlso(related(verb))
}

// pageTitle returns the one line about a verb in lower case and without its period, as apropos(1) shows it.
func pageTitle(help string) string {
	first, size := utf8.DecodeRuneInString(help)
	return string(unicode.ToLower(first)) + strings.TrimSuffix(help[size:], ".")
}

// cutExamples returns the paragraphs of a verb's help before its first example, and those from there on.
// Examples are indented.
func cutExamples(detail string) (before, examples []string) {
	if detail == "" {
		return nil, nil
	}
	paragraphs := strings.Split(detail, "\n\n")
	first := slices.IndexFunc(paragraphs, func(p string) bool { return strings.HasPrefix(p, " ") })
	if first < 0 {
		return paragraphs, nil
	}
	return paragraphs[:first], paragraphs[first:]
}

// examples writes examples, and the sentences between them.
func (p page) examples(paragraphs []string) {
	for i, paragraph := range paragraphs {
		if i > 0 {
			p.line(".PP")
		}
		if strings.HasPrefix(paragraph, " ") {
			p.line(".nf\n" + escapeRoff(paragraph) + "\n.fi")
		} else {
			p.line(escapeRoff(paragraph))
		}
	}
}

// hasArgument reports whether an argument or option of a verb has one of the names.
func hasArgument(verb *kong.Node, names ...string) bool {
	return slices.ContainsFunc(verb.Positional,
		func(a *kong.Positional) bool { return slices.Contains(names, a.Name) }) ||
		slices.ContainsFunc(verb.Flags, func(f *kong.Flag) bool { return slices.Contains(names, f.Name) })
}

// verbEnvironment returns paragraphs about the variables that a verb uses: those of its own options, and the
// names of those that set global options.
func verbEnvironment(verb *kong.Node, global []*kong.Flag) string {
	text := environment(verb.Flags)
	if hasArgument(verb, "output") {
		text += ".TP\nPOOLCTL_OUTPUT\nThe style of the output, without \\-\\-output.\n"
	}
	if text != "" {
		text += ".PP\n"
	}
	var names []string
	for _, f := range global {
		names = append(names, f.Envs...)
	}
	return text + strings.Join(names, ", ") + "\nand others are described in\n.BR poolctl (8)."
}

// related returns the pages that a verb's page refers to.
func related(verb *kong.Node) []string {
	pages := []string{"poolctl(8)"}
	if hasArgument(verb, "file") {
		pages = append(pages, "poolctl-yaml(5)")
	}
	if hasArgument(verb, "output") {
		pages = append(pages, "poolctl-output(5)")
	}
	for _, d := range Documents {
		isOf := func(first string) bool { return strings.HasPrefix(verb.Name, first) }
		if slices.ContainsFunc(d.Verbs, isOf) {
			pages = append(pages, d.reference())
		}
	}
	return append(pages, "virsh(1)")
}
