package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Fields are the names of the fields in machine-readable output.
type Fields struct{ Pool, Volume, Secret []string }

// WritePage writes the manual page. Its texts are those of the help.
func WritePage(w io.Writer, model *kong.Application, groups []kong.Group, fields Fields) {
	p := page{w}
	p.line(`.TH POOLCTL 8`)
	p.section("NAME", `poolctl \- manage libvirt's storage pools and volumes, without a daemon`)
	p.section("SYNOPSIS", `.B poolctl`+"\n[global options] verb [arguments and options]")
	p.section("DESCRIPTION", manDescription)
	p.section("GLOBAL OPTIONS", "They may stand before or after the verb.")
	p.flags(model.Flags)
	for _, g := range groups {
		p.section(strings.ToUpper(strings.TrimSuffix(g.Title, ":")), "")
		for _, verb := range model.Children {
			if verb.Group != nil && verb.Group.Key == g.Key && !verb.Hidden {
				p.verb(verb)
			}
		}
	}
	list := func(names []string) string { return strings.Join(names, ", ") }
	p.section("MACHINE-READABLE OUTPUT",
		fmt.Sprintf(manOutput, list(fields.Pool), list(fields.Volume), list(fields.Secret)))
	p.section("EXIT STATUS", manStatus)
	p.section("FILES", manFiles)
	p.section("SUDO", manSudo)
	p.section("SEE ALSO", ".BR virsh (1),\n.BR qemu-img (1),\n.BR systemd.unit (5)")
}

const manDescription = `Each run reads the definitions in a directory, asks the machine how things stand now, does one verb, prints, and exits.
Nothing is cached. Verbs, options, sentences, tables and XML are virsh's: a script that says virsh runs when it says poolctl.
.PP
What has a value may be given by name (\-\-pool x, \-\-pool=x) or by position, in the order of the usage line; a lone \- leaves an
option out. A pool is named by its name or uuid, a volume by its name and pool, or by its path or key, a secret by its uuid or by what it is for.`

const manOutput = `With
.B \-o json
and
.B \-o yaml
a list is a mapping with the keys schema (1) and pools, volumes or secrets; each entry has all fields, null where there is nothing. Sizes are
integers of bytes, times are in UTC. Fields are only ever added.
.B \-o csv
has the same fields as columns,
.B \-o name
one name a line (with \-\-null each ends with a NUL byte, for names that hold newlines),
.B \-o xml
libvirt's documents inside one element.
On a terminal, control characters and the like are shown as \(rsxNN in all of them.
.PP
Fields of a pool: %s.
.PP
Fields of a volume: %s.
.PP
Fields of a secret: %s.`

const manStatus = `0 done, or nothing to do; 1 failed; 2 usage, or a bad definition; 3 no such pool, volume or secret; 4 wrong state (active,
inactive, in use, without a value); 5 exists already, or conflicts; 6 permission; 7 lock or time limit; 8 not supported, or a tool is missing; 9 done in part; 130 interrupted.`

const manSudo = `\-\-readonly and \-\-dry\-run, once given, stay: no later option takes them back. A rule that fixes the first argument allows looking only:
.PP
.RS
.EX
operator ALL = (root) NOPASSWD: /usr/local/sbin/poolctl \-\-readonly *
.EE
.RE
.PP
It shows the operator all definitions and listings, but neither data of volumes nor values of secrets, and as root it reads no file that an argument names,
only standard input. It creates no files or directories, lock files and logs included, and starts no editor. \-\-dry\-run starts the editor of pool\-edit, in
which everything is possible: a rule that fixes \-\-dry\-run is not safe.`

const manFiles = `.TP
.I /etc/poolctl/NAME.xml, /etc/poolctl/NAME.yaml
Definitions. Other users have theirs in
.IR $XDG_CONFIG_HOME/poolctl .
libvirt's own directory is read as it is: \-\-config\-dir /etc/libvirt/storage.
.TP
.I /etc/poolctl/autostart/
Links to the definitions of the pools that are started at boot.
.TP
.I /etc/poolctl/secrets/UUID.xml, /etc/poolctl/secrets/UUID.base64
Definitions of secrets, and their values in base64. Ephemeral ones are below
.IR /run/poolctl/secrets .
.TP
.I $CREDENTIALS_DIRECTORY/UUID
The value of a secret as it is, which systemd has given to the service (LoadCredential= of
.BR systemd.exec (5)).
It comes before the one in the file.
.TP
.I /etc/libvirt/libvirt.conf
Its uri_default counts where neither \-c nor VIRSH_DEFAULT_CONNECT_URI nor LIBVIRT_DEFAULT_URI is given, as for virsh: a URI of another
machine is refused. Other users have it in
.IR $XDG_CONFIG_HOME/libvirt .
.TP
.I /run/poolctl/
Records of running pools, and locks. Other users:
.IR $XDG_RUNTIME_DIR/poolctl .
.PP
root uses only regular files that belong to root and that nobody else may write to. Their directory, and each one on the way to it from /, has to
belong to root, too, and others may write there only if it has the sticky bit. A checkout of another user as \-\-config\-dir is refused; the
hint has the command that mends it. A running pool whose record is refused is stopped after that: read the record first, it says what is
unmounted. Other users are warned, and use their own files as well.`

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
