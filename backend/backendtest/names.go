package backendtest

import (
	"slices"
	"strings"

	"poolctl/backend"
)

// hostile are names with a special meaning to file systems, shells, tools or terminals.
var hostile = []string{
	"", ".", "..", "/", "../x", "a/b", "/etc/x", "a/../x", "a\x00b", "-x", "--help", "-", " ", " a", "a b",
	"a\tb", "a\nb", "a\r",
	"'", `"`, "a'b", `a\b`, "$(x)", "`x`", "${HOME}", "*", "?", "[a]", "{a,b}", "~", "#a", "!a", "a;b", "a|b",
	"a&b", "<a", "a=b",
	"a:b", "a,b", "a@b", "a%s", "json:{}", "nbd://x", "fat:a", "ü", "\xff\xfe", "\x01\x1b[31m", ".hidden",
	"lost+found", "a.tmp", "a~",
	strings.Repeat("n", 255), strings.Repeat("n", 256), strings.Repeat("ü", 127),
}

// mixed is a name with the characters of many hostile names.
const mixed = "a$(x)`%s'\"\\*?[b]{,}~#!;|&<=:"

// allNames returns the hostile names and the backend's own, without duplicates. If again is set, the hostile
// ones were already tried, and slow storage omits them.
func (o Options) allNames(again bool) []string {
	names := slices.Concat(o.Allowed, o.Refused)
	if !again || !o.Slow {
		names = append(names, hostile...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// testNames creates volumes with every name. Accepted names must work in every operation; refused names must
// change nothing anywhere. Slow storage that accepts the mixed name omits the names that have only characters
// of it.
func (s *suite) testNames() {
	s.setUpPool()
	creator := requireCapability[backend.Creator](s)
	create := func(name string) error {
		return creator.Create(s.Context(), s.pool, s.defineVolume(name), backend.CreateOptions{})
	}
	before, made, names := s.state(), []string{}, s.allNames(false)
	if s.Slow && create(mixed) == nil {
		made = append(made, mixed)
		names = slices.DeleteFunc(names, func(name string) bool {
			return name != "" && strings.Trim(name, mixed) == "" && !slices.Contains(s.Allowed, name)
		})
	}
	for _, name := range names {
		err := create(name)
		switch {
		case err == nil && slices.Contains(s.Refused, name):
			s.Errorf("%q was accepted, want a refusal", shorten(name))
		case err != nil && slices.Contains(s.Allowed, name):
			s.Errorf("%q was refused: %v", shorten(name), err)
		}
		if err == nil {
			made = append(made, name)
		} else {
			s.checkNotDeleted(name)
			if !s.Slow { // the deletion looks it up, too
				s.checkNotFound(name)
			}
		}
	}
	slices.Sort(made)
	s.checkCreated(made)
	s.checkUnchanged(before, "after creating and deleting volumes with all names")
}

// checkCreated checks that the volumes are exactly those with the given names, and deletes them.
func (s *suite) checkCreated(names []string) {
	s.Helper()
	var listed []string
	for v, err := range s.b.Volumes(s.Context(), s.pool) {
		s.ok(err)
		if !s.Slow { // the deletion looks them up, too
			s.checkLookups(v)
		}
		listed = append(listed, v.Name)
	}
	if slices.Sort(listed); !slices.Equal(listed, names) {
		s.Errorf("created %q, got %q", names, listed)
	}
	for _, name := range names {
		s.remove(name)
	}
}
