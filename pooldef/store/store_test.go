package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// diskFiles changes files as the host does, but without temporary names, and records its changes.
type diskFiles struct{ did []string }

func (f *diskFiles) note(format string, args ...any) {
	f.did = append(f.did, fmt.Sprintf(format, args...))
}

func (f *diskFiles) WriteFile(path string, data []byte) error {
	f.note("write %s", filepath.Base(path))
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600))
}

func (f *diskFiles) WritePrivate(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return f.WriteFile(path, data)
}

func (f *diskFiles) WriteSecret(path string, data []byte) error { return f.WritePrivate(path, data) }

func (f *diskFiles) Remove(path string) error {
	f.note("remove %s", filepath.Base(path))
	return os.Remove(path)
}

func (f *diskFiles) Symlink(target, link string) error {
	f.note("link %s", filepath.Base(link))
	return errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(target, link))
}

func newStore(t *testing.T) *Store {
	dir := t.TempDir()
	return &Store{ConfigDir: filepath.Join(dir, "etc"), RunDir: filepath.Join(dir, "run"),
		Files: &diskFiles{}}
}

// put writes a file into the config directory, as a person would.
func (s *Store) put(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(s.ConfigDir, name)
	if err := s.Files.WriteFile(file, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return file
}

func (s *Store) load(t *testing.T, name string) *Entry {
	t.Helper()
	e, err := s.Load(name)
	if err != nil || len(e.Warnings) > 0 {
		t.Fatalf("%v %v", err, e.Warnings)
	}
	return e
}

// listing lists all entries with name, file, marks and error.
func (s *Store) listing(t *testing.T) []string {
	t.Helper()
	entries, err := s.All()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		line := e.Name
		if e.File != "" {
			line += " " + filepath.Base(e.File)
		}
		if e.Autostart {
			line += " autostart"
		}
		if e.Started != nil {
			line += " running"
		}
		if e.Err != nil {
			line += " " + s.short(e.Err)
		}
		for _, w := range e.Warnings {
			line += " (" + s.short(w) + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// short returns an error's text without the directory.
func (s *Store) short(err error) string { return strings.ReplaceAll(err.Error(), s.ConfigDir+"/", "") }

func (s *Store) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := s.listing(t); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func definedPool(t *testing.T, name string) *pooldef.Pool {
	t.Helper()
	return &pooldef.Pool{Type: pooldef.Dir, Name: name, UUID: pooldef.NewUUID(),
		Target: pooldef.Target{Path: "/srv/" + name}}
}

// TestStore follows a pool from its definition to its removal.
func TestStore(t *testing.T) {
	s := newStore(t)
	s.expect(t)
	p := definedPool(t, "images")
	if err := s.Define(p, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.ConfigDir, "images.xml"))
	if err != nil || !strings.HasPrefix(string(data), "<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.") ||
		!strings.HasSuffix(string(data), "-->\n\n"+codec.PoolElement(p, nil).String()) {
		t.Errorf("%v\n%s", err, data)
	}
	e := s.load(t, "images")
	if !reflect.DeepEqual(e.Persistent, p) || e.Current() != e.Persistent ||
		e.File != filepath.Join(s.ConfigDir, "images.xml") {
		t.Errorf("%+v", e)
	}
	for range 2 { // marking twice is once
		if err := s.SetAutostart(s.load(t, "images"), true); err != nil {
			t.Fatal(err)
		}
	}
	if target, err := os.Readlink(filepath.Join(s.ConfigDir, "autostart", "images.xml")); err != nil ||
		target != e.File {
		t.Errorf("%s %v", target, err)
	}
	if err := s.SaveState(p); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "images images.xml autostart running")

	changed := *p // while the pool runs, the definition that it was started with is in force
	changed.Target.Path = "/srv/elsewhere"
	if err := s.Define(&changed, nil); err != nil {
		t.Fatal(err)
	}
	if e := s.load(t, "images"); e.Current().Target.Path != "/srv/images" ||
		e.Persistent.Target.Path != "/srv/elsewhere" || !e.Autostart {
		t.Errorf("%+v", e)
	}
	for range 2 {
		if err := s.RemoveState("images"); err != nil {
			t.Fatal(err)
		}
		if err := s.SetAutostart(s.load(t, "images"), false); err != nil {
			t.Fatal(err)
		}
	}
	s.expect(t, "images images.xml")
	if err := s.SetAutostart(s.load(t, "images"), true); err != nil {
		t.Fatal(err)
	}
	if err := s.Undefine(s.load(t, "images")); err != nil {
		t.Fatal(err)
	}
	s.expect(t)
	if left := s.DanglingAutostart(); len(left) > 0 {
		t.Error(left)
	}
}

// TestCurrent checks that the definition that a pool was started with is the one in force.
func TestCurrent(t *testing.T) {
	old := definedPool(t, "old")
	e := &Entry{Name: "old", Persistent: old}
	if e.Current() != old {
		t.Errorf("%+v", e.Current())
	}
	e.Started = definedPool(t, "running")
	e.Started.Name, e.Started.UUID = old.Name, old.UUID
	added := definedPool(t, "new")
	added.Target = e.Started.Target
	if err := pooldef.CheckConflicts(added, []*pooldef.Pool{e.Current()}, noLinks{}); err == nil {
		t.Error("a second pool can use the directory of a running one")
	}
}

// noLinks is a machine without symbolic links and Fibre Channel ports.
type noLinks struct{}

func (noLinks) Canonical(path string) string { return path }

func (noLinks) FCHost(string, string) (number, parent int, ok bool) { return 0, 0, false }

// TestTransient checks a transient pool: a run record without a definition.
func TestTransient(t *testing.T) {
	s := newStore(t)
	if err := s.SaveState(definedPool(t, "x")); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "x running")
	e := s.load(t, "x")
	if e.Current() == nil || e.Persistent != nil {
		t.Errorf("%+v", e)
	}
	if err := s.Undefine(e); !errors.Is(err, ErrNoPool) {
		t.Error(err)
	}
}

func TestNoPool(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"x", "", "../etc/passwd", "-x", ".x", "a\nb", strings.Repeat("x", 300)} {
		if e, err := s.Load(name); !errors.Is(err, ErrNoPool) || e == nil || e.Current() != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestLanguages checks that a definition in YAML is stored as its author wrote it, and that changes between
// XML and YAML keep the autostart mark.
func TestLanguages(t *testing.T) {
	s := newStore(t)
	p := definedPool(t, "x")
	source := "# my images\nname: x\ntype: dir   # as ever\n\ntarget: {path: /srv/x}\n"
	if err := s.Define(p, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAutostart(s.load(t, "x"), true); err != nil {
		t.Fatal(err)
	}
	s.Files.(*diskFiles).did = nil
	if err := s.Define(p, []byte(source)); err != nil {
		t.Fatal(err)
	}
	// the new file is marked before the old one is removed, so that an interruption does not lose the mark
	did, want := s.Files.(*diskFiles).did,
		[]string{"write x.yaml", "link x.yaml", "remove x.xml", "remove x.xml"}
	if !slices.Equal(did, want) {
		t.Errorf("%v", did)
	}
	s.expect(t, "x x.yaml autostart")
	if data, err := os.ReadFile(filepath.Join(s.ConfigDir, "x.yaml")); err != nil ||
		string(data) != source+"uuid: "+p.UUID+"\n" {
		t.Errorf("%v\n%s", err, data)
	}
	if !reflect.DeepEqual(s.load(t, "x").Persistent, p) {
		t.Errorf("%+v", s.load(t, "x").Persistent)
	}
	if err := s.Define(p, nil); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "x x.xml autostart")
	if left := s.DanglingAutostart(); len(left) > 0 {
		t.Error(left)
	}
}

// TestHandWritten checks that a definition without a UUID always gets the same one.
func TestHandWritten(t *testing.T) {
	s := newStore(t)
	s.put(t, "x.yaml", "type: dir\nname: x\ntarget: {path: /t}\n")
	s.put(t, "y.yaml", "type: dir\nname: y\ntarget: {path: /t}\n")
	x, y := s.load(t, "x").Persistent.UUID, s.load(t, "y").Persistent.UUID
	if id, ok := pooldef.ParseUUID(x); !ok || id != x || x == y || x != s.load(t, "x").Persistent.UUID {
		t.Errorf("%q %q", x, y)
	}
}

// TestLibvirtsDirectory checks that libvirt's own directory can be used unchanged.
func TestLibvirtsDirectory(t *testing.T) {
	s := newStore(t)
	header := strings.ReplaceAll(fileHeader, "poolctl pool-edit", "virsh pool-edit images")
	file := s.put(t, "images.xml", header+codec.PoolElement(definedPool(t, "images"), nil).String())
	s.put(t, "isos.xml", header+codec.PoolElement(definedPool(t, "isos"), nil).String())
	s.put(t, "isos.xml.new", "<pool") // a file that libvirt is writing
	if err := s.Files.Symlink(file, filepath.Join(s.ConfigDir, "autostart", "images.xml")); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "images images.xml autostart", "isos isos.xml")
}

// TestBrokenFiles checks that files that cannot be used are listed with the reason, and do not hide others.
func TestBrokenFiles(t *testing.T) {
	s := newStore(t)
	pool := definedPool(t, "good")
	good := codec.PoolElement(pool, nil).String()
	s.put(t, "good.xml", good)
	s.put(t, "broken.xml", "<pool")
	s.put(t, "empty.yaml", "")
	s.put(t, "unknown.yaml", "type: dir\nname: unknown\ntarget: {path: /t, colour: red}\n")
	s.put(t, "renamed.xml", good)
	s.put(t, "-x.xml", good)
	s.put(t, "a\nb.yaml", good)
	s.put(t, "twice.xml", strings.ReplaceAll(good, "good", "twice"))
	s.put(t, "twice.yaml", "type: dir\nname: twice\ntarget: {path: /t}\n")
	s.put(t, "warned.xml", strings.ReplaceAll(strings.ReplaceAll(good, "good", "warned"), "<source>",
		"<sauce/><source>"))
	for _, ignored := range []string{".good.xml3141592653", ".good.xml", "good.xml~", "good.xml.new",
		"#good.xml#", "README", ".#good.yaml"} {
		s.put(t, ignored, "<pool")
	}
	if err := os.Mkdir(filepath.Join(s.ConfigDir, "folder.xml"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere/gone.xml", filepath.Join(s.ConfigDir, "gone.xml")); err != nil {
		t.Fatal(err)
	}
	id := pool.UUID
	s.expect(t,
		`-x `+s.ConfigDir+`: "-x": a name cannot begin with '-'`,
		"a\nb "+s.ConfigDir+`: "a\nb": a name cannot contain control characters or anything but UTF-8`,
		"broken broken.xml broken.xml:1: malformed XML: unexpected EOF",
		"empty empty.yaml empty.yaml:1: the document is empty",
		"gone gone.xml gone.xml: it is a symbolic link, not a file",
		"good good.xml",
		`renamed renamed.xml renamed.xml: name: "good" is not the file's name "renamed"`,
		`twice twice.xml pool "twice" is defined twice, in twice.xml and twice.yaml`,
		"unknown unknown.yaml unknown.yaml:3: target.colour: unknown key; known are path, mode, owner, "+
			"group, label, mount_point",
		`warned warned.xml (warned.xml:7: sauce: unknown element, ignored) (pools "good" and "warned" have the same uuid `+id+")",
	)
	for _, name := range []string{"broken", "renamed", "twice", "gone"} { // whatever it is, it can be removed
		e, err := s.Load(name)
		if err == nil || e.Persistent != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Undefine(e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if e := s.load(t, "twice"); e.File != filepath.Join(s.ConfigDir, "twice.yaml") {
		t.Errorf("%+v", e)
	}
}

// TestRunningButBroken checks that a running pool can be inspected and stopped even if its definition is
// broken.
func TestRunningButBroken(t *testing.T) {
	s := newStore(t)
	if err := s.SaveState(definedPool(t, "x")); err != nil {
		t.Fatal(err)
	}
	s.put(t, "x.yaml", "type: dir\nname: x\n")
	s.expect(t, "x x.yaml running (x.yaml:1: target.path: missing)")
	s.put(t, "x.xml", "<pool/>")
	if e, err := s.Load("x"); err != nil || e.Current() == nil || len(e.Warnings) == 0 {
		t.Errorf("%+v %v", e, err)
	}
	err := s.Files.WriteFile(s.recordFile("y"),
		[]byte(codec.PoolElement(definedPool(t, "x"), nil).String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load("y"); err == nil || !strings.Contains(err.Error(), `"x" is not the file's name "y"`) {
		t.Error(err)
	}
}

// TestAutostartLinks checks that a link counts only if it leads to the definition, and that others are
// reported.
func TestAutostartLinks(t *testing.T) {
	s := newStore(t)
	s.put(t, "x.xml", codec.PoolElement(definedPool(t, "x"), nil).String())
	for name, target := range map[string]string{"x.xml": "/etc/libvirt/storage/x.xml",
		"gone.xml": "/nowhere"} {
		if err := s.Files.Symlink(target, filepath.Join(s.ConfigDir, "autostart", name)); err != nil {
			t.Fatal(err)
		}
	}
	s.expect(t, "x x.xml (autostart/x.xml: it points to another file: the pool does not start at boot)")
	if got := s.DanglingAutostart(); !slices.Equal(got, []string{"gone.xml"}) {
		t.Error(got)
	}
	e, err := s.Load("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetAutostart(e, true); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "x x.xml autostart")
	link := filepath.Join(s.ConfigDir, "autostart", "x.xml") // a person may make it relative
	if err := errors.Join(os.Remove(link), os.Symlink("../x.xml", link)); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "x x.xml autostart")
}

func TestUnreadable(t *testing.T) {
	s := newStore(t)
	err := os.WriteFile(s.ConfigDir, nil, 0o600) // root may read any directory, so use a file
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.All(); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	s = newStore(t)
	s.put(t, "x.xml", strings.Repeat(" ", codec.MaxInput+1))
	s.expect(t, "x x.xml x.xml: larger than 10485760 bytes")
}

// TestFailingFiles checks that failed changes are reported, and leave the old state.
func TestFailingFiles(t *testing.T) {
	s := newStore(t)
	p := definedPool(t, "x")
	if err := s.Define(p, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAutostart(s.load(t, "x"), true); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	s.Files = refusing{full}
	e := s.load(t, "x")
	for name, err := range map[string]error{
		"define":         s.Define(p, nil),
		"define in YAML": s.Define(p, []byte("type: dir\nname: x\ntarget: {path: /srv/x}\n")),
		"undefine":       s.Undefine(e), "unmark": s.SetAutostart(e, false), "record": s.SaveState(p),
	} {
		if !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.expect(t, "x x.xml autostart")
}

type refusing struct{ err error }

func (r refusing) WriteFile(string, []byte) error    { return r.err }
func (r refusing) WritePrivate(string, []byte) error { return r.err }
func (r refusing) WriteSecret(string, []byte) error  { return r.err }
func (r refusing) Remove(string) error               { return r.err }
func (r refusing) Symlink(string, string) error      { return r.err }
