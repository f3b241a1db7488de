package shell

import (
	"bufio"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// hostile contains words that a shell, a tool or a terminal could misinterpret.
var hostile = []string{
	"", " ", "a b", "a\tb", "a\nb", "-x", "--", "'", "''", `"`, `\`, "a'b", "$HOME", "$(id)", "`id`", "*", "~",
	"#x", "a=b", "!",
	";id", "&", "|", "<x", "{a,b}", "\xff\xfe", "ü", "\x01\x1b[31m", "a\u202eb", "\u009b31m", "a:b", "%s",
	"plain-1.2_3@x,y/z",
}

// bash returns a running bash(1), and what it prints.
var bash = sync.OnceValues(func() (io.Writer, *bufio.Reader) {
	cmd := exec.Command("bash", "--norc", "--noprofile")
	in, err := cmd.StdinPipe()
	if err != nil {
		panic(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return in, bufio.NewReader(out) // bash ends with this process, which closes its input
})

// read returns the words that bash reads in a command line.
func read(t *testing.T, line string) []string {
	t.Helper()
	in, out := bash()
	answer := make(chan string)
	go func() {
		_, _ = io.WriteString(in, "printf '%s\\0' "+line+" END\n")
		all := ""
		for !strings.HasSuffix(all, "\x00END\x00") && all != "END\x00" {
			word, err := out.ReadString(0)
			if all += word; err != nil {
				break
			}
		}
		answer <- all
	}()
	select {
	case all := <-answer:
		words := strings.Split(all, "\x00")
		return words[:max(0, len(words)-2)]
	case <-time.After(10 * time.Second): // it waits for the end of a quotation, say
		t.Fatalf("bash does not answer %q", line)
		return nil
	}
}

func TestQuote(t *testing.T) {
	if got := read(t, Join(hostile...)); !slices.Equal(got, hostile) {
		t.Errorf("the shell read\n%q, want\n%q", got, hostile)
	}
	for word, want := range map[string]string{
		"/var/lib/images": "/var/lib/images", "": "''", "it's ü": `'it'\''s ü'`, "a\n'\\": `$'a\n\'\\'`,
		"\x1b[31m7": `$'\033[31m7'`, "ü\xff": `$'ü\377'`, "a\u202eb": `$'a\342\200\256b'`, "\ufffd": "'\ufffd'",
	} {
		if got := Quote(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, word := range hostile {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.Contains(word, "\x00") || len(word) > 10000 {
			t.Skip("an argument cannot contain a NUL, or be much longer")
		}
		quoted := Quote(word)
		if got := read(t, quoted); !slices.Equal(got, []string{word}) {
			t.Errorf("%q became %q", word, got)
		}
		unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
		if !utf8.ValidString(quoted) || strings.IndexFunc(quoted, unprintable) >= 0 {
			t.Errorf("%q became %q, which is not printable", word, quoted)
		}
	})
}
