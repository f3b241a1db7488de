package commands

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestAsksForJSON reads command lines that need not be right.
func TestAsksForJSON(t *testing.T) {
	for _, test := range []struct {
		args []string
		env  string
		want bool
	}{
		{[]string{"pool-list"}, "", false},
		{[]string{"pool-list", "-o", "json"}, "", true},
		{[]string{"-o", "json", "pool-list"}, "", true},
		{[]string{"pool-list", "-ojson"}, "", true},
		{[]string{"pool-list", "-o=json"}, "", true},
		{[]string{"pool-list", "--output", "json"}, "", true},
		{[]string{"pool-list", "--output=json"}, "", true},
		{[]string{"--", "pool-list", "--output=json"}, "", true},
		{[]string{"pool-list", "--", "-o", "json"}, "", false},
		{[]string{"pool-list", "--overwrite", "json"}, "", false},
		{[]string{"pool-list", "-o"}, "", false},
		{[]string{"pool-list", "-o", "csv"}, "", false},
		{[]string{"pool-list"}, "json", true},
		{[]string{"pool-list", "-o", "table"}, "json", false},
	} {
		t.Setenv("POOLCTL_OUTPUT", test.env)
		if got := asksForJSON(test.args); got != test.want {
			t.Errorf("%s with POOLCTL_OUTPUT=%q: %v", test.args, test.env, got)
		}
	}
}

// TestKindsDocumented checks that docs/reference.md has the kind of each exit status.
func TestKindsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (\\d+) \\| `?([a-z-]*)`? ?\\|").FindAllSubmatch(page, -1) {
		documented[string(row[1])] = string(row[2])
	}
	for _, s := range statuses {
		if word, ok := documented[strconv.Itoa(s.Code)]; !ok || word != s.Word {
			t.Errorf("%d is %q, documented as %q", s.Code, s.Word, word)
		}
	}
}
