// Package manual produces what poolctl says about its own grammar: help, the manual pages, and completion in
// shells. All of it is made from kong's model of the grammar, so that a new verb or option needs no entry
// here.
//
//   - [HelpPrinter] prints help for a verb, or the list of verbs.
//   - [Manual.WritePage] writes the manual page poolctl(8), [Manual.WriteVerbPage] the page of a verb, such
//     as poolctl-vol-clone(8), and [Manual.Topic] returns a part of them for the help. [Documents] lists the
//     pages whose text is a page of docs.
//   - [Script] returns the completion script for a shell. The script runs poolctl __complete, and [Complete]
//     prints the candidates. A [Source] lists pools, volumes and secrets for it.
package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

const introduction = `Usage: poolctl [global options] <verb> [arguments and options]

libvirt's storage management without the daemon: pools and volumes of disk
images, defined by files in a directory. Verbs, options and output are virsh's.
`

const conclusion = `
"poolctl help <verb>" explains a verb.

Exit status: 0 done, or nothing to do; 1 failed; 2 usage, or a bad definition;
3 no such pool, volume or secret; 4 wrong state (active, inactive, in use,
without a value); 5 exists already, or conflicts; 6 permission; 7 a lock, a time
limit, or a server that cannot be reached; 8 not supported, or a tool is
missing; 9 done in part; 130 interrupted.

A first pool:
  poolctl pool-define-as images dir --target /var/lib/images
  poolctl pool-start images --build
  poolctl vol-create-as images disk.qcow2 20G --format qcow2
  poolctl vol-list images --details
`

// helpWidth is the width of help in columns. A serial console has no more.
const helpWidth = 80

// HelpPrinter returns a printer for a verb's own help, or for the list of verbs in their groups.
func HelpPrinter(groups []kong.Group) kong.HelpPrinter {
	return func(_ kong.HelpOptions, ctx *kong.Context) error {
		var b strings.Builder
		if verb := ctx.Selected(); verb != nil {
			verbHelp(&b, verb)
		} else {
			generalHelp(&b, ctx.Model, groups)
		}
		_, err := io.WriteString(ctx.Stdout, b.String())
		return err
	}
}

func generalHelp(b *strings.Builder, model *kong.Application, groups []kong.Group) {
	b.WriteString(introduction)
	for _, g := range groups {
		var rows [][2]string
		for _, verb := range model.Children {
			if verb.Group != nil && verb.Group.Key == g.Key && !verb.Hidden {
				rows = append(rows, [2]string{verb.Name, verb.Help})
			}
		}
		section(b, g.Title, rows)
	}
	var rows [][2]string
	for _, t := range topics {
		rows = append(rows, [2]string{t.name, t.help})
	}
	section(b, "Topics, for poolctl help:", rows)
	section(b, "Global options, before or after the verb:", flagRows(model.Flags))
	b.WriteString(conclusion)
}

func verbHelp(b *strings.Builder, verb *kong.Node) {
	usage := usageLine(verb)
	b.WriteString(wrap(usage, 2) + "\n\n" + verb.Help + "\n")
	if verb.Detail != "" {
		b.WriteString("\n")
		for line := range strings.SplitSeq(verb.Detail, "\n") {
			b.WriteString(wrap(line, len(line)-len(strings.TrimLeft(line, " "))) + "\n")
		}
	}
	var rows [][2]string
	for _, a := range verb.Positional {
		rows = append(rows, [2]string{"<" + a.Name + ">", a.Help})
	}
	section(b, "Arguments:", rows)
	section(b, "Options:", flagRows(verb.Flags))
	b.WriteString("\n")
	if strings.ContainsAny(strings.TrimSuffix(usage, "[options]"), "<[") {
		b.WriteString("Arguments in the usage line can be given by position or by name (--x y, --x=y).\n" +
			"Use - to skip one. ")
	}
	b.WriteString("\"poolctl help\" has the global options and the exit statuses.\n")
}

// usageLine lists the arguments of a verb, then the options that can be given by position, in their order,
// then [options] if the verb has any. Hidden options are omitted.
func usageLine(verb *kong.Node) string {
	usage := "Usage: poolctl " + verb.Name
	for _, a := range verb.Positional {
		if a.IsCumulative() {
			usage += " [<" + a.Name + ">...]"
		} else {
			usage += " <" + a.Name + ">"
		}
	}
	for _, f := range verb.Flags {
		if f.Tag.Has("position") && !f.Hidden {
			usage += " [" + f.Name + "]"
		}
	}
	if len(flagRows(verb.Flags)) > 0 {
		usage += " [options]"
	}
	return usage
}

// flagRows returns a row with name and help for each option that is not hidden.
func flagRows(flags []*kong.Flag) [][2]string {
	var rows [][2]string
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		name := "    --" + f.Name
		if f.Short != 0 {
			name = fmt.Sprintf("-%c, --%s", f.Short, f.Name)
		}
		switch {
		case !f.IsBool():
			name += " " + f.PlaceHolder
		case f.PlaceHolder != "":
			name += "[=" + f.PlaceHolder + "]"
		}
		text := f.Help
		if len(f.Envs) > 0 {
			text += " [$" + f.Envs[0] + "]"
		}
		rows = append(rows, [2]string{name, text})
	}
	return rows
}

// section writes a title and two columns. The first column is as wide as its longest entry of at most 30
// characters. Longer entries are on a line of their own.
func section(b *strings.Builder, title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	width := 0
	for _, r := range rows {
		if len(r[0]) <= 30 {
			width = max(width, len(r[0]))
		}
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, r := range rows {
		left := r[0]
		if len(left) > width {
			fmt.Fprintf(b, "  %s\n", left)
			left = ""
		}
		b.WriteString(wrap(fmt.Sprintf("  %-*s  ", width, left)+r[1], width+4) + "\n")
	}
}

// wrap breaks a line at spaces, and indents the lines that follow.
func wrap(line string, indent int) string {
	var b strings.Builder
	for len(line) > helpWidth {
		at := strings.LastIndexByte(line[:helpWidth+1], ' ')
		if at <= indent {
			break
		}
		b.WriteString(line[:at] + "\n")
		line = strings.Repeat(" ", indent) + line[at+1:]
	}
	return b.String() + line
}
