package manual

import (
	"embed"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Fields are the names of the fields in machine-readable output.
type Fields struct{ Pool, Volume, Secret []string }

// A Status is an exit status.
type Status struct {
	Code int
	Word string // the kind of the error in JSON; empty if there is no error
	Text string
}

// text returns the text of a status with its word, if that says more.
func (s Status) text() string {
	if s.Word == "" || s.Word == s.Text {
		return s.Text
	}
	return s.Text + " (" + s.Word + ")"
}

// A Manual is what the manual page and the topics of the help describe.
type Manual struct {
	Model  *kong.Application
	Groups []kong.Group
	Fields
	Statuses []Status
}

// WritePage writes the manual page. Its texts are those of the help.
func (m *Manual) WritePage(w io.Writer) {
	p := page{w}
	p.line(`.TH POOLCTL 8`)
	p.section("NAME", `poolctl \- manage libvirt's storage pools and volumes, without a daemon`)
	p.section("SYNOPSIS", `.B poolctl`+"\n[global options] verb [arguments and options]\n.br\n"+
		`.B poolctl`+"\n[global options] batch")
	p.section("DESCRIPTION", sectionText("description"))
	p.section("GLOBAL OPTIONS", sectionText("options"))
	p.flags(m.Model.Flags)
	for _, g := range m.Groups {
		p.section(strings.ToUpper(strings.TrimSuffix(g.Title, ":")), "")
		for _, verb := range m.Model.Children {
			if verb.Group != nil && verb.Group.Key == g.Key && !verb.Hidden {
				p.verb(verb)
			}
		}
	}
	for _, t := range topics {
		p.section(t.title, m.topic(t.name))
	}
	p.section("BATCHES", sectionText("batches"))
	p.section("UNDER THE NAME VIRSH", sectionText("virsh"))
	p.section("FILES", sectionText("files"))
	p.section("SUDO", sectionText("sudo"))
	p.section("SEE ALSO", ".BR virsh (1),\n.BR qemu-img (1),\n.BR systemd.unit (5)")
}

// text contains the texts of the sections, in the macros of man(7).
//
//go:embed text/*.roff
var text embed.FS

// sectionText returns the text of a section, without the last newline.
func sectionText(name string) string {
	content, _ := text.ReadFile("text/" + name + ".roff") // it is part of the program
	return strings.TrimSuffix(string(content), "\n")
}

// A page is a manual page in the macros of man(7).
type page struct{ w io.Writer }

func (p *page) line(text string) { _, _ = io.WriteString(p.w, text+"\n") }

func (p *page) section(title, text string) {
	p.line(`.SH "` + title + `"`)
	if text != "" {
		p.line(text)
	}
}

func (p *page) verb(verb *kong.Node) {
	p.line(`.SS "` + verb.Name + `"`)
	p.line(escapeRoff(strings.TrimPrefix(usageLine(verb), "Usage: ")))
	p.line(".PP")
	p.line(escapeRoff(verb.Help))
	for paragraph := range strings.SplitSeq(verb.Detail, "\n\n") {
		switch {
		case strings.HasPrefix(paragraph, " "):
			p.line(".PP\n.nf\n" + escapeRoff(paragraph) + "\n.fi")
		case paragraph != "":
			p.line(".PP\n" + escapeRoff(paragraph))
		}
	}
	for _, a := range verb.Positional {
		p.line(".TP\n<" + a.Name + ">\n" + escapeRoff(a.Help))
	}
	p.flags(verb.Flags)
}

func (p *page) flags(flags []*kong.Flag) {
	for _, row := range flagRows(flags) {
		p.line(".TP\n.B " + escapeRoff(strings.TrimSpace(row[0])) + "\n" + escapeRoff(row[1]))
	}
}

// escapeRoff escapes backslashes, hyphens, and roff's control characters at the beginning of a line.
func escapeRoff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
