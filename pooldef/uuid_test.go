package pooldef

import (
	"strings"
	"testing"
)

func TestParseUUID(t *testing.T) {
	const want = "2ec115d7-3a88-3ceb-bc12-0ac909a6fd87"
	for _, s := range []string{want, strings.ToUpper(want), "2ec115d73a883cebbc120ac909a6fd87",
		"2e-c1-15 d7--3a883ceb bc12-0ac909a6fd87", "\n  " + want + "\t"} {
		if got, ok := ParseUUID(s); !ok || got != want {
			t.Errorf("%q: %q %v", s, got, ok)
		}
	}
	for _, s := range []string{"", want[1:], want + "0", want + "-", "2-ec115d7-3a88-3ceb-bc12-0ac909a6fd87",
		strings.Replace(want, "2e", "2g", 1), "{" + want + "}"} {
		if got, ok := ParseUUID(s); ok {
			t.Errorf("%q: %q", s, got)
		}
	}
	if id := NewUUID(); len(id) != 36 || id == NewUUID() {
		t.Error(id)
	}
}

// FuzzParseUUID checks that the canonical form of a UUID parses to itself.
func FuzzParseUUID(f *testing.F) {
	for _, s := range []string{"2ec115d7-3a88-3ceb-bc12-0ac909a6fd87", "2EC115D73A883CEBBC120AC909A6FD87",
		" 2e-c1 ", "-", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ParseUUID(s)
		if !ok {
			return
		}
		if same, ok := ParseUUID(id); !ok || same != id || len(id) != 36 {
			t.Errorf("%q: %q, %q", s, id, same)
		}
	})
}
