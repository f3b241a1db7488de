package commands

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
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

// TestDifferences checks that each entry of docs/differences.md has a number of its own, and that the table
// at the beginning has its number in the row of its section.
func TestDifferences(t *testing.T) {
	page, err := os.ReadFile("../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| \[(.*)\]\(.*\) \| (.*) \|$`).FindAllSubmatch(page, -1) {
		rows[string(m[1])] = string(m[2])
	}
	section, seen := "", map[int]bool{}
	for _, m := range regexp.MustCompile(`(?m)^##(#?) (?:D(\d+)\. )?(.*)$`).FindAllSubmatch(page, -1) {
		if len(m[1]) == 0 {
			section = string(m[3])
			continue
		}
		number, _ := strconv.Atoi(string(m[2]))
		if seen[number] || !includes(rows[section], number) {
			t.Errorf("D%d is not unique, or not in the row %q (%s)", number, section, rows[section])
		}
		seen[number] = true
	}
}

// includes reports whether a list such as "D1 to D12, D268" includes a number.
func includes(list string, number int) bool {
	for part := range strings.SplitSeq(list, ", ") {
		var from, to int
		if n, _ := fmt.Sscanf(part, "D%d to D%d", &from, &to); n == 1 {
			to = from
		}
		if from <= number && number <= to {
			return true
		}
	}
	return false
}
