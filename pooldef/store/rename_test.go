package store

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"poolctl/pooldef"
)

// limitedFiles makes changes until none is left: the process is killed.
type limitedFiles struct {
	diskFiles
	left int
}

var errKilled = errors.New("killed")

func (f *limitedFiles) do(change func() error) error {
	if f.left--; f.left < 0 {
		return errKilled
	}
	return change()
}

func (f *limitedFiles) WriteFile(path string, data []byte) error {
	return f.do(func() error { return f.diskFiles.WriteFile(path, data) })
}

func (f *limitedFiles) Remove(path string) error {
	return f.do(func() error { return f.diskFiles.Remove(path) })
}

func (f *limitedFiles) Symlink(target, link string) error {
	return f.do(func() error { return f.diskFiles.Symlink(target, link) })
}

// TestRename renames a started pool with an autostart link, kills the rename before each of its changes, and
// repeats it. At any time, the pool has a definition, a link and a record.
func TestRename(t *testing.T) {
	const source = "# mine\ntype: dir\nname: old # the name\ntarget: {path: /srv/x}\n"
	for _, yaml := range []string{"", source} {
		for kill := 0; ; kill++ {
			s := newStore(t)
			p := definedPool(t, "old")
			p.Target.Path = "/srv/x"
			if yaml == "" {
				if err := s.Define(p, nil); err != nil {
					t.Fatal(err)
				}
			} else {
				s.put(t, "old.yaml", yaml)
				p.UUID = pooldef.NameUUID("old")
			}
			err := s.SaveState(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SetAutostart(s.load(t, "old"), true); err != nil {
				t.Fatal(err)
			}
			s.Files = &limitedFiles{left: kill}
			err = s.Rename(s.load(t, "old"), "new")
			s.Files = &diskFiles{}
			if err == nil {
				checkRenamedFiles(t, s, yaml)
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			listing := strings.Join(s.listing(t), "\n")
			for _, part := range []string{".", "autostart", "running"} {
				if !strings.Contains(listing, part) {
					t.Errorf("killed before change %d: nothing is %s in\n%s", kill, part, listing)
				}
			}
			if err := s.Rename(s.load(t, "old"), "new"); err != nil {
				t.Fatalf("repeated after %d changes: %v", kill, err)
			}
			checkRenamedFiles(t, s, yaml)
		}
	}
}

// checkRenamedFiles checks that a pool has the name new everywhere.
func checkRenamedFiles(t *testing.T, s *Store, yaml string) {
	t.Helper()
	if yaml == "" {
		s.expect(t, "new new.xml autostart running")
		return
	}
	s.expect(t, "new new.yaml autostart running")
	e := s.load(t, "new")
	text, err := os.ReadFile(e.File)
	want := strings.Replace(yaml, "name: old", "name: new", 1) + "uuid: " + pooldef.NameUUID("old") + "\n"
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestRenameConflicts checks that no other pool is replaced.
func TestRenameConflicts(t *testing.T) {
	s := newStore(t)
	old, other := definedPool(t, "old"), definedPool(t, "other")
	transient := definedPool(t, "transient")
	if err := errors.Join(s.Define(old, nil), s.Define(other, nil), s.SaveState(transient)); err != nil {
		t.Fatal(err)
	}
	s.put(t, "broken.xml", "<pool")
	before := s.listing(t)
	for _, name := range []string{"other", "transient", "broken"} {
		err := s.Rename(s.load(t, "old"), name)
		isConflict := errors.As(err, new(*pooldef.ConflictError))
		if err == nil || isConflict == (name == "broken") || !slices.Equal(before, s.listing(t)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Rename(s.load(t, "transient"), "t2"); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "broken broken.xml broken.xml:1: malformed XML: unexpected EOF",
		"old old.xml", "other other.xml", "t2 running")
	same := *old // as after an interrupted rename, but changed since
	same.Name, same.Target.Path = "o2", "/srv/changed"
	if err := s.Define(&same, nil); err != nil {
		t.Fatal(err)
	}
	e, _ := s.Load("old")
	if err := s.Rename(e, "o2"); !errors.As(err, new(*pooldef.ConflictError)) {
		t.Error(err)
	}
}
