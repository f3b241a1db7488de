package dogtest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// created matches an image's creation time, which differs between runs.
var created = regexp.MustCompile(`( \d+ \d+ \d+) \d{10} ([0-9a-f]+ )`)

// TestRecording runs the commands that were recorded with the real dog, and compares the output.
func TestRecording(t *testing.T) {
	text, err := os.ReadFile("testdata/dog.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var got strings.Builder
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&got, line)
		case line == "= waiting":
			Trouble(t, dir, Waiting)
			fmt.Fprintln(&got, line)
		case strings.HasPrefix(line, "= "):
			NewTool(dir).must(t, line[2:])
			fmt.Fprintln(&got, line)
		case strings.HasPrefix(line, "$ "):
			out, complaint, status := NewTool(dir).Run("", words(t, line[2:])...)
			fmt.Fprintf(&got, "%s\n%s%s  rc=%d\n", line, marked("out", out), marked("err", complaint), status)
		}
	}
	want := strings.Split(created.ReplaceAllString(string(text), "$1 TIME $2"), "\n")
	for n, line := range strings.Split(created.ReplaceAllString(got.String(), "$1 TIME $2"), "\n") {
		if n >= len(want) || line != want[n] {
			t.Fatalf("testdata/dog.txt:%d: the stand-in prints %q", n+1, line)
		}
	}
}

// words splits a line at spaces. A quoted string is one word.
func words(t *testing.T, line string) (all []string) {
	t.Helper()
	for _, word := range regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\S+`).FindAllString(line, -1) {
		if strings.HasPrefix(word, `"`) {
			var err error
			if word, err = strconv.Unquote(word); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, word)
	}
	return all
}

func marked(what, text string) (lines string) {
	for line := range strings.Lines(text) {
		lines += "  " + what + "| " + strings.TrimSuffix(line, "\n") + "\n"
	}
	return lines
}

// TestUnknown runs commands that the stand-in does not implement.
func TestUnknown(t *testing.T) {
	dir := t.TempDir()
	NewTool(dir).must(t, "sheep -p 7000 store")
	for _, line := range []string{
		"dog", "dog vdi", "dog vdi check v", "dog vdi list -q", "dog vdi list --raw", "sheep", "sheep -x",
	} {
		if _, complaint, status := NewTool(dir).Run("", strings.Fields(line)...); status != exitUsage ||
			complaint == "" {
			t.Errorf("%s: status %d, %q", line, status, complaint)
		}
	}
}

// TestData writes and reads data. The real dog did the same for `seq 100000 | dog vdi write a=b 0 588895`:
// excess data is ignored silently, and missing data is replaced by zeros, which can exceed the requested
// range.
func TestData(t *testing.T) {
	dir := t.TempDir()
	tool := NewTool(dir)
	for _, line := range []string{"sheep -p 7000 store", "dog cluster format", "dog vdi create v 8M"} {
		tool.must(t, line)
	}
	run := func(in, line, want string) {
		t.Helper()
		out, complaint, status := tool.Run(in, strings.Fields(line)...)
		if out != want || complaint != "" || status != 0 {
			t.Errorf("%s: %d bytes, want %d; %q, status %d", line, len(out), len(want), complaint, status)
		}
	}
	data := strings.Repeat("0123456789", 58889)
	run(data, "dog vdi write v 0 588890", "")
	run("", "dog vdi read v 0 588890", data)
	run("", "dog vdi read v 588880", data[588880:]+strings.Repeat("\x00", 8<<20-588890))
	run(strings.Repeat("x", 9<<20), "dog vdi write v", "")
	run("", "dog vdi read v", strings.Repeat("x", 8<<20))
	run("yy", "dog vdi write v 4194303 3", "")
	run("", "dog vdi read v 4194300 8", "xxxyyx\x00x"[:3]+"yy\x00xx")
	run("a", "dog vdi write v 100", "")
	run("", "dog vdi read v 99 3", "xa\x00")
}
