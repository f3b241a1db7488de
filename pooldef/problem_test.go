package pooldef

import "testing"

// TestProblemText checks that problems name their place in the form that compilers use.
func TestProblemText(t *testing.T) {
	for want, p := range map[string]Problem{
		"f.xml:7: source/host: missing": {"f.xml", 7, "source/host", "missing"},
		"f.xml: larger":                 {"f.xml", 0, "", "larger"},
		"name: missing":                 {"", 7, "name", "missing"},
		"missing":                       {Text: "missing"},
	} {
		if p.Error() != want {
			t.Errorf("%q, want %q", p.Error(), want)
		}
	}
	if got := (Problems{{Text: "a"}, {Text: "b"}}).Error(); got != "a\nb" {
		t.Errorf("%q", got)
	}
}
