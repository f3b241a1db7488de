package backendtest

import (
	"slices"
	"strings"

	"poolctl/backend"
)

// hostile are names that mean something to a file system, a shell, a tool or a terminal.
var hostile = []string{
	"", ".", "..", "/", "../x", "a/b", "/etc/x", "a/../x", "a\x00b", "-x", "--help", "-", " ", " a", "a b", "a\tb", "a\nb", "a\r",
	"'", `"`, "a'b", `a\b`, "$(x)", "`x`", "${HOME}", "*", "?", "[a]", "{a,b}", "~", "#a", "!a", "a;b", "a|b", "a&b", "<a", "a=b",
	"a:b", "a,b", "a@b", "a%s", "json:{}", "nbd://x", "fat:a", "ü", "\xff\xfe", "\x01\x1b[31m", ".hidden", "lost+found", "a.tmp", "a~",
	strings.Repeat("n", 255), strings.Repeat("n", 256), strings.Repeat("ü", 127),
}

// names are the hostile ones and the backend's own, each once.
func (o Options) names(again bool) []string {
	names := slices.Concat(o.Allowed, o.Refused)
	if !again || !o.Slow {
		names = append(names, hostile...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// names makes volumes of every name. Those that work have to work in every way; those that do not change nothing, anywhere.
func (s *suite) names() {
	s.ready()
	creator := needs[backend.Creator](s)
	before, made := s.state(), []string{}
	for _, name := range s.Options.names(false) {
		err := creator.Create(s.Context(), s.pool, s.volume(name), backend.CreateOptions{})
		switch {
		case err == nil && slices.Contains(s.Refused, name):
			s.Errorf("%q was made, and has to be refused", short(name))
		case err != nil && slices.Contains(s.Allowed, name):
			s.Errorf("%q has to work: %v", short(name), err)
		}
		if err == nil {
			made = append(made, name)
		} else {
			s.isAbsent(name)
		}
	}
	s.work(made)
	s.same(before, "made, deleted and refused volumes of all names")
}

// work checks that there are volumes of these names, and no others, and deletes them.
func (s *suite) work(names []string) {
	s.Helper()
	var listed []string
	for v, err := range s.b.Volumes(s.Context(), s.pool) {
		s.ok(err)
		s.find(v)
		listed = append(listed, v.Name)
	}
	if slices.Sort(listed); !slices.Equal(listed, names) {
		s.Errorf("%q were made, there are %q", names, listed)
	}
	for _, name := range names {
		s.remove(name)
	}
}
