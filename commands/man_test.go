package commands

import (
	"cmp"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestManualPage checks that docs/poolctl.8 is the output of poolctl __man. UPDATE=1 rewrites it.
func TestManualPage(t *testing.T) {
	const file = "../docs/poolctl.8"
	page, err := exec.Command("poolctl", "__man").Output()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if stored, err := os.ReadFile(file); err != nil || string(stored) != string(page) {
		const text = "%s is not the output of poolctl __man (%v): UPDATE=1 go test ./commands -run ManualPage"
		t.Errorf(text, file, err)
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		if os.Getenv("POOLCTL_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: whether the manual page is well-formed (mandoc is not installed)")
	}
	problems, err := exec.Command("mandoc", "-T", "lint", "-W", "error", file).CombinedOutput()
	if err != nil {
		t.Errorf("mandoc: %v\n%s", err, problems)
	}
}

// TestExamples checks that the help of each verb has an example, and that poolctl accepts the examples'
// arguments.
func TestExamples(t *testing.T) {
	parser, err := newParser(&cli{}, []string{"help"})
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^  (?:.*\W)?poolctl ((?:[^|>\\\n]|\\\n)*)`)
	for _, verb := range parser.Model.Children {
		found := command.FindAllStringSubmatch(verb.Detail, -1)
		if len(found) == 0 && !verb.Hidden && !strings.HasSuffix(verb.Name, "-event") {
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
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|[^\s'"\\]+`).FindAllStringSubmatch(line, -1) {
		words = append(words, cmp.Or(m[1], m[2], m[0]))
	}
	return words
}
