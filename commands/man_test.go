package commands

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/alecthomas/kong"

	"poolctl/commands/manual"
)

// manDir has the manual pages.
const manDir = "../docs/man"

// TestManual checks that docs/man has the manual pages of the grammar and of the documentation, and no other.
// UPDATE=1 rewrites them.
func TestManual(t *testing.T) {
	pages := manualPages(t)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		stored, err := os.ReadFile(filepath.Join(manDir, name))
		if err == nil && bytes.Equal(stored, pages[name]) {
			continue
		}
		if os.Getenv("UPDATE") == "" {
			t.Errorf("docs/man/%s is out of date (%v): UPDATE=1 go test ./commands -run Manual", name, err)
		} else if err := os.WriteFile(filepath.Join(manDir, name), pages[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadDir(manDir)
	for _, file := range stored {
		if pages[file.Name()] == nil {
			t.Errorf("docs/man/%s is a page of nothing: remove it", file.Name())
		}
	}
	if err != nil || t.Failed() {
		t.Fatal(err)
	}
	checkPages(t)
}

// manualPages returns all manual pages by the names of their files.
func manualPages(t *testing.T) map[string][]byte {
	t.Helper()
	printed := func(name ...string) []byte {
		page, err := exec.Command("poolctl", append([]string{"__man"}, name...)...).Output()
		if err != nil {
			t.Fatal(name, err)
		}
		return page
	}
	pages := map[string][]byte{"poolctl.8": printed()}
	for _, verb := range verbs {
		if verb.group != "" {
			pages["poolctl-"+verb.name+".8"] = printed(verb.name)
		}
	}
	for _, d := range manual.Documents {
		pages[fmt.Sprintf("%s.%d", d.Name, d.Section)] = documentPage(t, d.Source, printed(d.Name))
	}
	return pages
}

// checkPages checks that mandoc and groff find nothing to complain about, and that man and apropos find a
// page by its verb.
func checkPages(t *testing.T) {
	t.Helper()
	for _, program := range []string{"mandoc", "man", "mandb"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("POOLCTL_TEST_ALL") != "" {
				t.Fatal(err)
			}
			t.Skipf("NOT TESTED: whether the manual pages are well-formed (%s is not installed)", program)
		}
	}
	dir := t.TempDir()
	const script = `
		mandoc -T lint -W warning "$1"/*
		for section in 5 7 8; do
			mkdir -p "$2/man$section" && cp "$1"/*.$section "$2/man$section" 2>/dev/null
		done
		cat "$2"/*/* | MANROFFSEQ=t MANWIDTH=80 man --warnings -l - 2>&1 >/dev/null
		mandb --create --user-db --quiet "$2"
		export MANPATH="$2"
		man -w poolctl vol-clone && man -w poolctl yaml && apropos --exact poolctl-vol-clone`
	out, err := exec.Command("bash", "-c", script, "bash", manDir, dir).CombinedOutput()
	want := dir + "/man8/poolctl-vol-clone.8\n" + dir + "/man5/poolctl-yaml.5\n" +
		"poolctl-vol-clone (8) - copy a volume within its pool\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestExamples checks that the help of each verb has an example, and that poolctl accepts the examples'
// arguments.
func TestExamples(t *testing.T) {
	parser, err := newParser(&cli{}, []string{"help"})
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^  (?:.*\W)?poolctl ((?:\$\([^)]*\)|[^|>)\\\n]|\\\n)*)`)
	for _, verb := range parser.Model.Children {
		found := command.FindAllStringSubmatch(verb.Detail, -1)
		if len(found) == 0 && !verb.Hidden {
			t.Errorf("%s: no example", verb.Name)
		}
		for _, example := range found {
			args, err := normalise(parser.Model, words(example[1]))
			if err == nil {
				var fresh *kong.Kong // a parser remembers the options of the line before
				if fresh, err = newParser(&cli{}, args); err == nil {
					_, err = fresh.Parse(args)
				}
			}
			if err != nil || !slices.Contains(args, verb.Name) {
				t.Errorf("%s: example %q: error %v", verb.Name, example[0], err)
			}
		}
	}
}

// words splits the arguments of an example, which a shell would also do.
func words(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(?:\$\([^)]*\)|[^\s'"\\])+`).FindAllStringSubmatch(line, -1) {
		words = append(words, cmp.Or(m[1], m[2], m[0]))
	}
	return words
}
