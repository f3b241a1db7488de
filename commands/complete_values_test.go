package commands

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"poolctl/commands/manual"
	"poolctl/pooldef"
)

// oneOfEach is a [manual.Source] that has one of each.
type oneOfEach struct{}

func (oneOfEach) UseOptions(map[string]string) error    { return nil }
func (oneOfEach) Pools(string) []string                 { return []string{"a-pool"} }
func (oneOfEach) PoolTypes(string) []pooldef.Type       { return nil }
func (oneOfEach) Volumes(string, bool) []string         { return []string{"a-volume"} }
func (oneOfEach) Snapshots(string, string) []string     { return []string{"a-snapshot"} }
func (oneOfEach) Secrets() []string                     { return []string{"a-secret"} }
func (oneOfEach) Fields(string) []string                { return []string{"a-field"} }
func (oneOfEach) Findings(only bool) []manual.Candidate { return findings(only) }

// completions has what completes each kind of value: by the name of the option or argument, or by its
// placeholder in the help. An argument without one has its name in capitals.
var completions = map[string]string{
	"POOL": "a-pool", "VOL": "a-volume", "BACKING-VOL": "a-volume", "STORAGE": "a-volume",
	"SNAPSHOT": "a-snapshot", "SECRET": "a-secret", "UUID": "a-secret", "NAMES": "a-field",
	"ID": "drift", "ID[=REASON]": "drift", "IDS": "orphans", "TYPE": "netfs", "TYPES": "netfs",
	"FORMAT": "qcow2", "VERB": "vol-list", "USER": "root", "GROUP": "root",
	"source-format": "xfs", "auth-type": "chap",
	"DIR": "directories", "FILE": "files", "PATH": "files", "DEVICE": "files",
	// what only the user knows, or a server
	"SIZE": "", "CAPACITY": "", "TIME": "", "COUNT": "", "N": "", "RANGE": "", "OCTAL": "", "NAME": "",
	"NEWNAME": "", "USAGE": "", "EXPRESSION": "", "OPTION": "", "VERSION": "", "URL": "", "URI": "", "SUM": "",
	"DEV": "", "HOST": "", "[USER@]HOST[,...]": "", "PORT": "", "IQN": "", "WWN": "", "WWNN": "", "WWPN": "",
	"COMMAND": "", "BASE64": "", "EVENT": "", "TIMEOUT": "", "source-path": "", "auth-username": "",
	"vol-snapshot-create SNAPSHOT": "",
}

// TestEveryValueCompletes checks the completion of every value of every verb: of arguments, and of options. A
// new kind of value must be added to completions.
func TestEveryValueCompletes(t *testing.T) {
	parser, err := newParser(&cli{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range parser.Model.Children {
		line := completedLine{t, parser.Model, verb}
		for _, option := range slices.Concat(verb.Flags, parser.Model.Flags) {
			if !option.IsBool() && !option.Hidden && !verb.Hidden {
				line.check(option.Value, "--"+option.Name)
			}
		}
		for i, argument := range verb.Positional {
			if !verb.Hidden {
				line.check(argument, slices.Repeat([]string{"x"}, i)...)
			}
		}
	}
}

type completedLine struct {
	*testing.T
	model *kong.Application
	verb  *kong.Node
}

// check checks the candidates for a value that follows words.
func (l completedLine) check(v *kong.Value, words ...string) {
	kind := cmp.Or(v.Tag.PlaceHolder, strings.ToUpper(v.Name))
	got := l.candidates(append(words, "")...)
	if v.Enum != "" {
		values := slices.DeleteFunc(strings.Split(v.Enum, ","), func(value string) bool { return value == "" })
		if slices.Sort(values); !slices.Equal(got, append([]string{"words"}, values...)) {
			l.Errorf("%s %s has the candidates %q, not %q", l.verb.Name, v.Name, got, values)
		}
		return
	}
	want, known := "", false
	for _, key := range []string{kind, v.Name, l.verb.Name + " " + kind} {
		if value, ok := completions[key]; ok {
			want, known = value, true
		}
	}
	switch {
	case !known:
		l.Errorf("%s %s: add %q to completions", l.verb.Name, v.Name, kind)
	case want == "" && len(got) > 1, !slices.Contains(got, cmp.Or(want, "words")):
		l.Errorf("%s %s has the candidates %q, not %q", l.verb.Name, v.Name, got, want)
	case slices.Contains([]string{"IDS", "NAMES", "TYPES"}, kind): // several, separated by commas
		if got := l.candidates(append(words, want+","+want[:1])...); !slices.Contains(got, want+","+want) {
			l.Errorf("%s %s does not complete after a comma: %q", l.verb.Name, v.Name, got)
		}
	}
}

// candidates returns the kind of the candidates for the last word of a line, and the candidates.
func (l completedLine) candidates(words ...string) []string {
	var out bytes.Buffer
	manual.Complete(&out, l.model, oneOfEach{}, append([]string{"bash", "--", l.verb.Name}, words...))
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}
