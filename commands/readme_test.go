package commands

import (
	"os"
	"strings"
	"testing"
)

// TestReadme holds the README's list of verbs against the grammar.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verbs {
		if v.group != "" && !strings.Contains(string(page), "`"+v.name+"`") {
			t.Errorf("the README does not have the verb %s", v.name)
		}
	}
}
