package commands

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	declared  = regexp.MustCompile(`(?m)^func ((Test|Fuzz)\w+)\(`)
	mentioned = regexp.MustCompile("`(attack/[a-z-]+|(?:Test|Fuzz)[A-Z]\\w+)`")
)

// TestSecurityPage checks that all tests that SECURITY.md names exist, and that it names every attack.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	attacks, err := filepath.Glob("../testdata/attack/*.txtar")
	if err != nil || len(attacks) == 0 {
		t.Fatalf("no attacks (%v)", err)
	}
	var there []string
	for _, file := range attacks {
		name := "attack/" + strings.TrimSuffix(filepath.Base(file), ".txtar")
		if there = append(there, name); !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("SECURITY.md does not name %s", name)
		}
	}
	for _, pattern := range []string{"../*_test.go", "../*/*_test.go", "../*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
				there = append(there, found[1])
			}
		}
	}
	for _, named := range mentioned.FindAllStringSubmatch(string(page), -1) {
		if !slices.Contains(there, named[1]) {
			t.Errorf("SECURITY.md names %s, which does not exist", named[1])
		}
	}
}
