package commands

import (
	"os"
	"strings"
	"testing"
)

// TestReadme checks that docs/reference.md lists every verb of the grammar.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verbs {
		if v.group != "" && !strings.Contains(string(page), "`"+v.name+"`") {
			t.Errorf("docs/reference.md does not list the verb %s", v.name)
		}
	}
}
