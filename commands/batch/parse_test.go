package batch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// parseCases has texts, and their commands or an error.
var parseCases = []struct {
	text string
	want [][]string
	err  error
}{
	{"", nil, nil},
	{" \t ", nil, nil},
	{";;\n;", nil, nil},
	{"# comment", nil, nil},
	{"a", [][]string{{"a"}}, nil},
	{" a\tb  c ", [][]string{{"a", "b", "c"}}, nil},
	{"a;b", [][]string{{"a"}, {"b"}}, nil},
	{"a ;; b;", [][]string{{"a"}, {"b"}}, nil},
	{"a\n\nb\n", [][]string{{"a"}, {"b"}}, nil},
	{"a 'b c' d", [][]string{{"a", "b c", "d"}}, nil},
	{`a "b c" d`, [][]string{{"a", "b c", "d"}}, nil},
	{`a x'b c'"d"y`, [][]string{{"a", "xb cdy"}}, nil},
	{`a '' ""`, [][]string{{"a", "", ""}}, nil},
	{`a ''''`, [][]string{{"a", ""}}, nil},
	{`a 'b"c' "d'e"`, [][]string{{"a", `b"c`, "d'e"}}, nil},
	{`a 'b;c' "d;e" f\;g`, [][]string{{"a", "b;c", "d;e", "f;g"}}, nil},
	{`a b\ c \'d \"e \\f`, [][]string{{"a", "b c", "'d", `"e`, `\f`}}, nil},
	{`a "b\"c\\d\xe"`, [][]string{{"a", `b"c\dxe`}}, nil},
	{`a 'b\c'`, [][]string{{"a", `b\c`}}, nil},
	{"a 'b\nc' \"d\ne\"", [][]string{{"a", "b\nc", "d\ne"}}, nil},
	{"a b\\\nc", [][]string{{"a", "bc"}}, nil},
	{"a \\\n b", [][]string{{"a", "b"}}, nil},
	{"a \\\n\\\nb", [][]string{{"a", "b"}}, nil},
	{"a \\\n;b", [][]string{{"a"}, {"b"}}, nil},
	{"a \\\n#b", [][]string{{"a"}}, nil},
	{"a \"b\\\nc\"", [][]string{{"a", "bc"}}, nil},
	{"a 'b\\\nc'", [][]string{{"a", "b\\\nc"}}, nil},
	{"a b#c #d ; e\nf", [][]string{{"a", "b#c"}, {"f"}}, nil},
	{`a '#b' \#c ""#d`, [][]string{{"a", "#b", "#c", "#d"}}, nil},
	{"a;#b", [][]string{{"a"}}, nil},
	{"a\rb\vc\fd", [][]string{{"a\rb\vc\fd"}}, nil},
	{"a $HOME * ~ & | > `x`", [][]string{{"a", "$HOME", "*", "~", "&", "|", ">", "`x`"}}, nil},
	{"a ä\xff", [][]string{{"a", "ä\xff"}}, nil},
	{`a \`, nil, errBackslash},
	{`a "b\`, nil, errBackslash},
	{`a 'b`, nil, errSingle},
	{`a; b "c`, nil, errDouble},
	{"a\x00b", nil, errNul},
}

func TestParse(t *testing.T) {
	for _, c := range parseCases {
		if got, err := Parse(c.text); err != c.err || !reflect.DeepEqual(got, c.want) { //nolint:errorlint // itself
			t.Errorf("%q: got %q, %v; want %q, %v", c.text, got, err, c.want, c.err)
		}
	}
}

// FuzzParse checks that every word can be quoted so that it is read as it was.
func FuzzParse(f *testing.F) {
	for _, c := range parseCases {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		commands, err := Parse(text)
		if err != nil {
			return
		}
		var quoted strings.Builder
		for _, words := range commands {
			if len(words) == 0 {
				t.Fatalf("%q has a command without words", text)
			}
			for _, word := range words {
				quoted.WriteString(" '" + strings.ReplaceAll(word, "'", `'\''`) + "'")
			}
			quoted.WriteString(" ; ")
		}
		if again, err := Parse(quoted.String()); err != nil || !reflect.DeepEqual(again, commands) {
			t.Errorf("%q: got %q, and from its quoted form %q, %v", text, commands, again, err)
		}
	})
}

// TestLikeVirsh checks that virsh splits the same texts into the same words.
func TestLikeVirsh(t *testing.T) {
	if _, err := exec.LookPath("virsh"); err != nil {
		if os.Getenv("POOLCTL_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("NOT COMPARED WITH VIRSH: how text is split into words. Missing: virsh")
	}
	for _, c := range parseCases {
		if c.err != errNul { //nolint:errorlint // itself; no argument can contain NUL
			checkVirsh(t, strings.TrimPrefix(c.text, "a"))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var text strings.Builder
		for range random.IntN(12) {
			text.WriteByte(`ab'"\;# `[random.IntN(8)])
			if random.IntN(8) == 0 {
				text.WriteString("\\\n"[random.IntN(2):])
			}
		}
		checkVirsh(t, text.String())
	}
}

// checkVirsh lets virsh's command echo print the words of a text, quoted for a shell, and lets a shell read
// them.
func checkVirsh(t *testing.T, text string) {
	t.Helper()
	const command = "echo --shell -- W "
	text = command + text
	commands, err := Parse(text)
	if err == errSingle { //nolint:errorlint // itself
		return
	}
	var want strings.Builder
	for _, words := range commands {
		if words[0][:min(1, len(words[0]))] == "#" { // to virsh it begins a comment, even if it is quoted
			return
		}
		if len(words) < 4 || strings.Join(words[:4], " ")+" " != command {
			err = fmt.Errorf("unknown command %q", words[0])
			break
		}
		fmt.Fprintf(&want, "%q\n", words[4:])
	}
	out, virshErr := exec.Command("virsh", text).Output()
	if (err != nil) != (virshErr != nil) {
		t.Errorf("%q: error %v, virsh: %v", text, err, virshErr)
	}
	if err != nil {
		return
	}
	shell := exec.Command("sh", "-c", `W() { printf '%s\0' "$@" W; }`+"\n"+string(out))
	read, err := shell.Output()
	if err != nil {
		t.Fatalf("%q: virsh's output %q: %v", text, out, err)
	}
	var got strings.Builder
	words := []string{}
	for word := range bytes.SplitSeq(bytes.TrimSuffix(read, []byte{0}), []byte{0}) {
		if string(word) != "W" {
			words = append(words, string(word))
			continue
		}
		fmt.Fprintf(&got, "%q\n", words)
		words = words[:0]
	}
	if got.String() != want.String() {
		t.Errorf("%q: got\n%svirsh:\n%s", text, want.String(), got.String())
	}
}
