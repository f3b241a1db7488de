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
	// Findings returns the findings of check, or only the optional ones, with what they mean.
	Findings(optional bool) []Candidate
}

// A Candidate is a word that can complete a command line, with its help in one line, if it has any.
type Candidate struct{ Word, Help string }

// named returns candidates without help.
func named(words []string) []Candidate {
	all := make([]Candidate, len(words))
	for i, word := range words {
		all[i].Word = word
	}
	return all
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
//	zsh|fish -- WORD...     for the other scripts, with help: everything printed ends with a NUL byte
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
			if !strings.Contains(candidate.Word, "\n") {
				fmt.Fprintln(w, candidate.Word)
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
// followed by its printable form and its help. For fish, the help follows a tab, and candidates with a tab
// are omitted.
func (c *completer) completeNul(shell string, line []string) {
	kind, candidates := c.complete(line)
	fmt.Fprint(c.w, kind, "\x00")
	for _, candidate := range candidates {
		switch {
		case shell == "zsh":
			fmt.Fprint(c.w, candidate.Word, "\x00", format.Line(candidate.Word), "\x00", candidate.Help, "\x00")
		case !strings.Contains(candidate.Word, "\t"):
			fmt.Fprint(c.w, strings.TrimSuffix(candidate.Word+"\t"+candidate.Help, "\t"), "\x00")
		}
	}
}

// complete returns the candidates that begin with the last word of a line, sorted.
func (c *completer) complete(line []string) (kind string, candidates []Candidate) {
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
		if strings.HasPrefix(candidate.Word, typed) {
			candidates = append(candidates, candidate)
		}
	}
	slices.SortStableFunc(candidates, func(a, b Candidate) int { return strings.Compare(a.Word, b.Word) })
	return kind, slices.CompactFunc(candidates, func(a, b Candidate) bool { return a.Word == b.Word })
}

// candidates returns the words that may follow a line. They need not begin with the typed text.
func (c *completer) candidates(l *partialLine, typed string) (kind string, all []Candidate) {
	if l.awaits != nil {
		return c.values(l, l.awaits, typed)
	}
	if !l.ended && strings.HasPrefix(typed, "-") {
		if option, value, hasValue := l.option(typed); hasValue && !option.IsBool() {
			kind, all = c.values(l, option, value)
			for i := range all {
				all[i].Word = strings.TrimSuffix(typed, value) + all[i].Word
			}
			return kind, all
		}
		all = l.options()
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

// visibleVerbs returns the verbs that are not hidden.
func visibleVerbs(model *kong.Application) []Candidate {
	var all []Candidate
	for _, n := range model.Children {
		if !n.Hidden {
			all = append(all, Candidate{n.Name, n.Help})
		}
	}
	return all
}
