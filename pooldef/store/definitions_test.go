package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestDefinitions checks that Definitions lists every definition with its autostart mark, usable or not, and
// does not look at run records.
func TestDefinitions(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"b", "a", "broken"} {
		if err := s.Define(definedPool(t, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(s.SetAutostart(s.load(t, "b"), true), s.SetAutostart(s.load(t, "broken"), true),
		s.SaveState(definedPool(t, "transient")),
		os.WriteFile(filepath.Join(s.ConfigDir, "broken.xml"), nil, 0o600),
		os.WriteFile(filepath.Join(s.ConfigDir, "no pool"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Definitions()
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	for i, want := range []struct {
		name             string
		marked, isUsable bool
	}{{"a", false, true}, {"b", true, true}, {"broken", true, false}} {
		e := entries[i]
		if e.Name != want.name || e.Autostart != want.marked || (e.Err == nil) != want.isUsable || e.File == "" ||
			e.Started != nil {
			t.Errorf("%+v, wanted %+v", e, want)
		}
	}
}
