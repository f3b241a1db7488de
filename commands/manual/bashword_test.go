package manual

import (
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostileNames are names that have a special meaning for a shell or a terminal.
var hostileNames = []string{
	"plain", "a b", "$(touch PWNED)", "`touch PWNED`", ";touch PWNED", "y*", "it's", `q"uote`, `back\slash`,
	"-n", "--",
	"日本", "h!t", "${HOME}", "#c", "~x", "a:b=c@d", "l\nine", "\ttab", "\x1b[31m", "\u202eb", "\xff\xfe",
	"u\u00a0v",
	"\x01'\x02!", "{a,b}", "x'", `x"`, `x\`, "x!", "[a]?", "<(id)>&|", "ü\n",
}

func TestReadBash(t *testing.T) {
	for raw, want := range map[string]bashWord{
		"":                      {},
		`a\ b'c d'"e f"`:        {plain: "a bc de f"},
		`'a"b`:                  {plain: `a"b`, quote: "'", opened: 1},
		`x"a'\"\$\x`:            {plain: `xa'"$\x`, quote: `"`, opened: 2},
		`--pool=$'a\n\'\303\0`:  {plain: "--pool=a\n'\xc3", quote: "$'", opened: 9},
		`$'\e\101\7x\q\400'`:    {plain: "\x1bA\ax\\q\\400"},
		`$"a`:                   {plain: "a", quote: `"`, opened: 2},
		`a\`:                    {plain: "a"},
		"a\\\nb":                {plain: "ab"},
		`$HOME`:                 {plain: "$HOME", expands: true},
		"\"`id`":                {plain: "`id`", quote: `"`, opened: 1, expands: true},
		`~x`:                    {plain: "~x", expands: true},
		`y*`:                    {plain: "y*", expands: true},
		`'$(x)'\$\~\*"*?[{~" ~`: {plain: "$(x)$~**?[{~ ~"},
	} {
		if got := readBash(raw); got != want {
			t.Errorf("%s is read as %+v, want %+v", raw, got, want)
		}
	}
}

// openQuotes are the quotes that may be open before the completed text.
var openQuotes = []string{"", "'", `"`, "$'"}

// TestQuoteBash quotes hostile names and mixtures of them after each quote, and has bash read the result.
func TestQuoteBash(t *testing.T) {
	names, random := slices.Clone(hostileNames), rand.New(rand.NewPCG(1, 1))
	for range 200 {
		all := []byte(strings.Join(hostileNames, ""))
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		names = append(names, string(all[:1+random.IntN(20)]))
	}
	var script strings.Builder
	var want []string
	for _, quote := range openQuotes {
		for _, name := range names {
			script.WriteString("printf '%s\\0' " + quote + quoteBash(name, quote) + "\n")
			want = append(want, name)
			checkQuoted(t, name, quote)
		}
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("the names are %q, bash read %q", want, got)
		}
	}
}

// checkQuoted checks that a name is quoted as printable text, and that readBash reads it back.
func checkQuoted(t *testing.T, name, quote string) {
	t.Helper()
	quoted := quoteBash(name, quote)
	if !utf8.ValidString(quoted) ||
		strings.ContainsFunc(quoted, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q is quoted as %q, which is not printable", name, quoted)
	}
	if w := readBash(quote + quoted); w.plain != name || w.quote != "" || w.expands {
		t.Errorf("%q is quoted as %s%s, which is read as %+v", name, quote, quoted, w)
	}
}
