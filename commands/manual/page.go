package manual

import (
	"embed"
	"fmt"
	"io"
	"slices"
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

// A Manual is what the manual pages and the topics of the help describe.
type Manual struct {
	Model  *kong.Application
	Groups []kong.Group
	Fields
	Statuses []Status
	Findings []Candidate // of check
}

// A Document is a manual page whose text is a page of the documentation.
type Document struct {
	Name    string // of the manual page
	Section int
	Source  string // the file in docs
	Title   string
	Verbs   []string // whose pages refer to it, by their first letters
}

// reference returns the name of the page as other pages refer to it.
func (d Document) reference() string { return fmt.Sprintf("%s(%d)", d.Name, d.Section) }

// Documents are the manual pages besides those of the grammar.
var Documents = []Document{
	{"poolctl-yaml", 5, "definitions.md", "definitions of pools, volumes and secrets", nil},
	{"poolctl-output", 5, "output.md", "output of poolctl for programs", nil},
	{"poolctl-apply", 7, "apply.md", "pools from files: diff, apply and export",
		[]string{"apply", "diff", "export"}},
	{"poolctl-snapshots", 7, "snapshots.md", "snapshots of volumes", []string{"vol-snapshot-"}},
	{"poolctl-systemd", 7, "systemd.md", "pools as units of systemd", []string{"autostart", "pool-autostart"}},
	{"poolctl-libvirt", 7, "libvirt.md", "poolctl beside libvirt, and moving from one to the other",
		[]string{"import"}},
	{"poolctl-monitoring", 7, "monitoring.md", "storage pools in cron, Icinga, Nagios and Prometheus",
		[]string{"check", "explain", "metrics"}},
}

// WritePage writes poolctl(8), the front page of the manual. Its texts are those of the help.
func (m *Manual) WritePage(w io.Writer) {
	p := page{w}
	p.header("poolctl", 8, "manage libvirt's storage pools and volumes, without a daemon")
	p.section("SYNOPSIS", `.B poolctl`+"\n[global options] verb [arguments and options]\n.br\n"+
		`.B poolctl`+"\n[global options] batch")
	p.section("DESCRIPTION", sectionText("description"))
	for _, g := range m.Groups {
		p.section(strings.ToUpper(strings.TrimSuffix(g.Title, ":")), "")
		for _, verb := range m.Model.Children {
			if verb.Group != nil && verb.Group.Key == g.Key && !verb.Hidden {
				p.line(".TP\n.BR " + escapeRoff(pageName(verb)) + " (8)\n" + escapeRoff(verb.Help))
			}
		}
	}
	p.section("GLOBAL OPTIONS", sectionText("options"))
	p.flags(m.Model.Flags)
	for _, t := range topics {
		if t.title != "" {
			p.section(t.title, m.topic(t.name))
		}
	}
	p.section("BATCHES", sectionText("batches"))
	p.section("UNDER THE NAME VIRSH", sectionText("virsh"))
	p.section("FILES", sectionText("files"))
	p.section("SUDO", sectionText("sudo"))
	p.section("EXAMPLES", sectionText("examples"))
	p.seeAlso(append(documentNames(), "virsh(1)", "qemu-img(1)", "systemd.unit(5)"))
}

// WriteDocumentStart writes the beginning of the manual page of a document: its title line and the section
// NAME. If no document has the name, it returns false.
func WriteDocumentStart(w io.Writer, name string) bool {
	i := slices.IndexFunc(Documents, func(d Document) bool { return d.Name == name })
	if i >= 0 {
		page{w}.header(name, Documents[i].Section, Documents[i].Title)
	}
	return i >= 0
}

func documentNames() []string {
	names := make([]string, len(Documents))
	for i, d := range Documents {
		names[i] = d.reference()
	}
	return names
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

func (p page) line(text string) { _, _ = io.WriteString(p.w, text+"\n") }

// pageDate is the date in the manual pages of a checkout. scripts/release replaces it with the release's.
const pageDate = "2026-11-30"

func (p page) header(name string, section int, title string) {
	p.line(fmt.Sprintf(`.TH "%s" "%d" "%s" "poolctl"`, strings.ToUpper(name), section, pageDate))
	p.section("NAME", escapeRoff(name)+` \- `+escapeRoff(title))
}

func (p page) section(title, text string) {
	p.line(`.SH "` + title + `"`)
	if text != "" {
		p.line(text)
	}
}

func (p page) flags(flags []*kong.Flag) {
	for _, row := range flagRows(flags) {
		p.line(".TP\n.B " + escapeRoff(strings.TrimSpace(row[0])) + "\n" + escapeRoff(row[1]))
	}
}

// seeAlso refers to other pages, such as virsh(1).
func (p page) seeAlso(names []string) {
	var lines []string
	for _, name := range names {
		lines = append(lines, ".BR "+strings.Replace(escapeRoff(name), "(", " (", 1))
	}
	p.section("SEE ALSO", strings.Join(lines, ",\n"))
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
