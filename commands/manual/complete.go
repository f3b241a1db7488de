package manual

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"poolctl/format"
	"poolctl/pooldef"
)

// A Source lists names for completion. It reports no errors: what it cannot read is not a candidate.
type Source interface {
	// UseOptions applies the options of the command line that is completed, such as --config-dir.
	UseOptions(given map[string]string) error
	// Pools returns the names of the pools that a verb can work on.
	Pools(verb string) []string
	// PoolTypes returns the types of the pools with a name or uuid, or of all pools if pool is empty.
	PoolTypes(pool string) []pooldef.Type
	// Volumes returns the names, or the paths, of the volumes in a pool, or in all pools if pool is empty.
	Volumes(pool string, paths bool) []string
	// Snapshots returns the names of a volume's snapshots. pool may be empty if volume is a path.
	Snapshots(volume, pool string) []string
	// Secrets returns the uuids of secrets.
	Secrets() []string
	// Fields returns the fields of what a verb lists.
	Fields(verb string) []string
}

// The kinds of candidates.
const (
	words       = "words"
	files       = "files"
	directories = "directories"
)

// A completer completes one command line.
type completer struct {
	w      io.Writer
	model  *kong.Application
	source Source
}

// Complete prints the candidates for the last word of a command line. args has one of these forms:
//
//	-- WORD...              one candidate a line, without names that contain a line feed
//	bash [=TEXT] -- WORD... for completion/poolctl.bash, see completeBash
//	zsh|fish -- WORD...     for the other scripts: everything printed ends with a NUL byte
//
// For a shell, the first word of the output is the kind of the candidates: words, files or directories. The
// shell lists files and directories itself.
func Complete(w io.Writer, model *kong.Application, source Source, args []string) {
	c := completer{w, model, source}
	form, line := cutSeparator(args)
	switch {
	case len(form) > 0 && form[0] == "bash":
		c.completeBash(form[1:], line)
	case len(form) > 0 && (form[0] == "zsh" || form[0] == "fish"):
		c.completeNul(form[0], line)
	default:
		_, candidates := c.complete(line)
		for _, candidate := range candidates {
			if !strings.Contains(candidate, "\n") {
				fmt.Fprintln(w, candidate)
			}
		}
	}
}

// cutSeparator splits words at the first --, which the script adds. Any later -- is the user's. Without a --,
// all words are the user's.
func cutSeparator(all []string) (form, line []string) {
	i := slices.Index(all, "--")
	return all[:max(i, 0)], all[i+1:]
}

// completeNul prints the kind and the candidates, each with a NUL byte at its end. For zsh, each candidate is
// followed by its printable form. For fish, candidates with a tab are omitted, because fish takes the text
// after a tab for a description.
func (c *completer) completeNul(shell string, line []string) {
	kind, candidates := c.complete(line)
	fmt.Fprint(c.w, kind, "\x00")
	for _, candidate := range candidates {
		switch {
		case shell == "zsh":
			fmt.Fprint(c.w, candidate, "\x00", format.Line(candidate), "\x00")
		case !strings.Contains(candidate, "\t"):
			fmt.Fprint(c.w, candidate, "\x00")
		}
	}
}

// complete returns the candidates that begin with the last word of a line, sorted.
func (c *completer) complete(line []string) (kind string, candidates []string) {
	if len(line) == 0 {
		line = []string{""}
	}
	typed := line[len(line)-1]
	before := readLine(c.model, line[:len(line)-1])
	if err := c.source.UseOptions(before.given); err != nil {
		return words, nil
	}
	kind, all := c.candidates(before, typed)
	for _, candidate := range all {
		if strings.HasPrefix(candidate, typed) {
			candidates = append(candidates, candidate)
		}
	}
	slices.Sort(candidates)
	return kind, slices.Compact(candidates)
}

// candidates returns the words that may follow a line. They need not begin with the typed text.
func (c *completer) candidates(l *partialLine, typed string) (kind string, all []string) {
	if l.awaits != nil {
		return c.values(l, l.awaits, typed)
	}
	if !l.ended && strings.HasPrefix(typed, "-") {
		if option, value, hasValue := l.option(typed); hasValue && !option.IsBool() {
			kind, all = c.values(l, option, value)
			for i := range all {
				all[i] = strings.TrimSuffix(typed, value) + all[i]
			}
			return kind, all
		}
		all = l.optionNames()
	}
	if l.verb == nil {
		return words, append(all, visibleVerbs(c.model)...)
	}
	slots := l.slots()
	next := len(l.data)
	if len(slots) > 0 && slots[0].IsCumulative() {
		next = 0
	}
	if next >= len(slots) {
		return words, all
	}
	kind, values := c.values(l, slots[next], typed)
	return kind, append(all, values...)
}

// visibleVerbs returns the names of the verbs that are not hidden.
func visibleVerbs(model *kong.Application) []string {
	var names []string
	for _, n := range model.Children {
		if !n.Hidden {
			names = append(names, n.Name)
		}
	}
	return names
}
