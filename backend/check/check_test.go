package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poolctl/pooldef"
)

// Each ID has an explanation with the same parts, and each file of explanations an ID.
func TestExplain(t *testing.T) {
	files, err := filepath.Glob("text/*.txt")
	if err != nil || len(files) != len(kinds) {
		t.Errorf("%d explanations of %d findings (%v)", len(files), len(kinds), err)
	}
	form := regexp.MustCompile(`(?s)^[^\n]{20,80}\.\n\n[A-Za-z].*\.\n\nIf nothing is done: .*\.\n\nLook:\n  \S.*\n\nRepair:\n  \S`)
	for _, id := range IDs() {
		text, ok := Explain(id)
		if !ok || !form.MatchString(text) || strings.Count(text, "\n") > 25 {
			t.Errorf("%s: not of the usual form:\n%s", id, text)
		}
	}
	if _, ok := Explain("../check"); ok {
		t.Error("an unknown ID is explained")
	}
}

// TestIDsReal checks that each ID occurs in the code that looks at the machine, and in no other form.
func TestIDsReal(t *testing.T) {
	used := regexp.MustCompile(`check\.(?:(?:New|Figure)\(|Error\{ID: )\s*"([a-z-]+)"`)
	var found []string
	for _, pattern := range []string{"../*/*.go", "../../commands/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range used.FindAllStringSubmatch(string(text), -1) {
				found = append(found, m[1])
			}
		}
	}
	slices.Sort(found)
	want := slices.Sorted(slices.Values(IDs()))
	if found = slices.Compact(found); !slices.Equal(found, want) {
		t.Errorf("the code finds\n%q\nnot\n%q", found, want)
	}
}

func TestApply(t *testing.T) {
	limit := func(text string) *pooldef.Range {
		r, err := pooldef.ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		return &r
	}
	own := pooldef.CheckSettings{Critical: limit("97"), Skip: []pooldef.Option{{Name: "drift", Value: "mine"}}}
	for _, c := range []struct {
		settings Settings
		own      pooldef.CheckSettings
		finding  Finding
		want     Severity
		reason   string
	}{
		{finding: Figure("capacity", "", 80, "", ""), want: OK},
		{finding: Figure("capacity", "", 80.5, "", ""), want: Warning},
		{finding: Figure("capacity", "", 95, "", ""), want: Critical},
		{finding: Figure("capacity", "", 95, "", ""), own: own, want: Warning},
		{settings: Settings{Critical: limit("50")}, finding: Figure("inodes", "", 60, "", ""), own: own,
			want: Critical},
		{settings: Settings{Critical: limit("50")}, finding: Figure("thin-data", "a/b", 60, "", ""), want: OK},
		{finding: Figure("thin-metadata", "a/b", 76, "", ""), want: Warning},
		{finding: Figure("snapshot-full", "a/b", 100, "", ""), want: Critical},
		{finding: New("drift", "", ""), want: Warning},
		{finding: New("drift", "", ""), own: own, want: Warning, reason: "mine"},
		{settings: Settings{Skip: map[string]string{"drift": "theirs"}}, own: own,
			finding: New("drift", "", ""), want: Warning, reason: "theirs"},
	} {
		reported, skipped := c.settings.Apply([]Finding{c.finding}, c.own)
		all := slices.Concat(reported, skipped)
		if len(all) != 1 || all[0].Severity != c.want || all[0].Reason != c.reason ||
			(c.reason != "") != (len(skipped) == 1) {
			t.Errorf("%+v with %+v: reported %+v, skipped %+v", c.finding, c.settings, reported, skipped)
		}
	}
	only := Settings{Only: []string{"drift"}}
	if some, skipped := only.Apply([]Finding{New("secret", "", "")}, own); some != nil || skipped != nil {
		t.Error("a finding that was not asked for is reported")
	}
	if err := (&Settings{Warning: limit("95")}).CheckLimits(); err == nil {
		t.Error("a warning above the critical limit is accepted")
	}
	if err := (&Settings{Warning: limit("@95:100")}).CheckLimits(); err != nil {
		t.Error(err)
	}
}

// TestOneLine checks that an error of several lines is a finding of one.
func TestOneLine(t *testing.T) {
	if got := New("definition", "a: missing\nb: unknown", "").Text; got != "a: missing; b: unknown" {
		t.Errorf("the text is %q", got)
	}
}
