package host

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A scene is a directory with files, and devices, to which a step and its shell command are applied.
type scene struct{ dir, loop, other string }

func (s scene) path(name string) string {
	switch name {
	case "loop":
		return s.loop
	case "other":
		return s.other
	}
	return s.dir + "/" + name
}

func (s scene) create(t *testing.T) {
	t.Helper()
	dir := s.dir
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sparseFile{3<<18 + 700, [][2]int64{{100, 5000}, {1<<18 + 1, 2 << 18}, {3 << 18, 3<<18 + 600}}}.write(t,
		dir+"/sparse")
	sparseFile{size: 2 << 18}.write(t, dir+"/hole")
	put(t, dir+"/full", random(1, 4<<18))
	put(t, dir+"/small", random(2, 5000))
	put(t, dir+"/empty", nil)
	do(t, &Local{}, Symlink{"full", dir + "/link"})
	put(t, s.loop, random(99, 4<<18))
	put(t, s.other, random(98, 2<<18+512))
}

// everything describes a scene: its contents, and whether less than half of each file is allocated.
func (s scene) everything(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	names, err := filepath.Glob(s.dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, s.loop, s.other)
	for i, name := range names {
		data := get(t, name)
		st := stat(t, name)
		fmt.Fprintf(&b, "%d %o %d:%d %d %x", i, st.Mode, st.Uid, st.Gid, len(data), crc32.ChecksumIEEE(data))
		if i < len(names)-2 {
			fmt.Fprintf(&b, " %s %v", filepath.Base(name), st.Blocks*512 < int64(len(data))/2)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// sameSteps contains steps that must have the same result as their shell commands. Of steps that fail, only
// the failure is compared.
var sameSteps = []func(t *testing.T, s scene) Step{
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("sparse")} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("hole")} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("full")} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("link")} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("empty")} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("none")} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("full"), From: 1000} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("sparse"), From: 1<<18 + 5} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("full"), From: 4 << 18} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("full"), From: 4<<18 + 1} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("loop")} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("loop"), From: 1024} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("loop"), From: 4097} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("loop"), From: 4 << 18} },
	func(_ *testing.T, s scene) Step { return Zero{Path: s.path("loop"), From: 1 << 63} },
	func(_ *testing.T, s scene) Step { return Discard{Path: s.path("sparse")} },
	func(_ *testing.T, s scene) Step { return Discard{Path: s.path("full")} },
	func(_ *testing.T, s scene) Step { return Discard{Path: s.path("empty")} },
	func(_ *testing.T, s scene) Step { return Discard{Path: s.path("none")} },
	func(_ *testing.T, s scene) Step { return Discard{Path: s.path("loop")} },
	func(_ *testing.T, s scene) Step { return Scrub{Path: s.path("small"), Pattern: "fillff"} },
	func(_ *testing.T, s scene) Step { return Scrub{Path: s.path("link"), Pattern: "fillff"} },
	func(_ *testing.T, s scene) Step { return Scrub{Path: s.path("loop"), Pattern: "fillff"} },
	func(_ *testing.T, s scene) Step { return Scrub{Path: s.path("none"), Pattern: "fillff"} },
	func(_ *testing.T, s scene) Step { return Scrub{Path: s.path("full"), Pattern: "no such pattern"} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("full"), Size: 5 << 18} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("sparse"), Size: 5 << 18, Allocate: true} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("full"), Size: 1001} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("hole"), Size: 1 << 18, Allocate: true} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("full"), Size: 0, Allocate: true} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("none"), Size: 1} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("none"), Size: 1, Allocate: true} },
	func(_ *testing.T, s scene) Step { return Resize{Path: s.path("loop"), Size: 4096} },
	fill("sparse", "full"), fill("sparse", "loop"), fill("other", "loop"), fill("full", "sparse"),
	fill("full", "other"), fill("full", "loop"),
	fill("empty", "loop"), fill("empty", "small"), fill("none", "loop"), fill("small", "none"),
	create("sparse", CreateFile{}), create("full", CreateFile{Size: 5 << 18}),
	create("sparse", CreateFile{Size: 5 << 18, Allocate: 5 << 18}),
	create("sparse", CreateFile{Size: 5 << 18, Allocate: 5 << 18, Zeros: true}),
	create("full", CreateFile{Size: 4 << 18, Allocate: 4 << 18, Zeros: true}),
	create("full", CreateFile{Zeros: true}), create("full", CreateFile{Allocate: 1 << 18, Zeros: true}),
	create("none", CreateFile{}),
	create("empty", CreateFile{Size: 1 << 18, Allocate: 1 << 18, Zeros: true}), create("hole", CreateFile{}),
	create("link", CreateFile{}),
	create("other", CreateFile{Size: 3 << 18, Allocate: 3 << 18, Zeros: true}),
	create("sparse", CreateFile{From: &Source{Reflink: true}}),
	upload("small", "full", Upload{}), upload("small", "full", Upload{Offset: 7}),
	upload("full", "loop", Upload{Length: 1 << 18, Offset: 511}),
	upload("sparse", "full", Upload{Sparse: true}), upload("sparse", "loop", Upload{Sparse: true, Offset: 3}),
	upload("small", "full", Upload{Whole: true}),
	upload("full", "small", Upload{Whole: true}), upload("sparse", "full", Upload{Whole: true, Sparse: true}),
	upload("sparse", "full", Upload{Whole: true}),
	upload("small", "none", Upload{}), upload("small", "none", Upload{Whole: true}),
	upload("empty", "full", Upload{Whole: true}),
	upload("empty", "full", Upload{}), upload("other", "full", Upload{Offset: 5}),
	upload("small", "loop", Upload{Whole: true}),
	download("sparse", "to", Download{}), download("sparse", "to", Download{Sparse: true}),
	download("full", "to", Download{Offset: 1000, Length: 1 << 18}),
	download("sparse", "to", Download{Offset: 5001, Sparse: true}),
	download("loop", "to", Download{Offset: 513}), download("full", "to", Download{Offset: 4 << 18}),
	download("sparse", "loop", Download{Sparse: true}), download("sparse", "loop", Download{Length: 1 << 18}),
	download("hole", "to", Download{}),
	download("empty", "to", Download{}), download("full", "to", Download{Length: 1 << 40}),
}

func fill(from, to string) func(*testing.T, scene) Step {
	return func(_ *testing.T, s scene) Step {
		return CopyInto{From: Source{Path: s.path(from)}, Path: s.path(to)}
	}
}

func create(from string, c CreateFile) func(*testing.T, scene) Step {
	return func(_ *testing.T, s scene) Step {
		file := c
		file.Path, file.Mode, file.UID, file.GID = s.path("new"), 0o640, -1, -1
		file.From = &Source{Path: s.path(from), Reflink: c.From != nil && c.From.Reflink}
		return file
	}
}

func upload(from, to string, u Upload) func(*testing.T, scene) Step {
	return func(t *testing.T, s scene) Step {
		u := u
		u.From, u.Name, u.Path = open(t, s.path(from), os.O_RDONLY), s.path(from), s.path(to)
		return u
	}
}

func download(from, to string, d Download) func(*testing.T, scene) Step {
	return func(t *testing.T, s scene) Step {
		d := d
		flags := os.O_RDWR
		if to == "to" {
			flags |= os.O_CREATE
		}
		d.From.Path, d.To, d.Name = s.path(from), open(t, s.path(to), flags), s.path(to)
		return d
	}
}

// TestDataInShell applies the steps, and runs their shell commands in sh.
func TestDataInShell(t *testing.T) {
	if os.Getenv(private) == "" {
		notRun(t, "the steps in a shell: it needs root")
	}
	steps, shell := scene{"", device(t, 4<<18), device(t, 2<<18+512)},
		scene{"", device(t, 4<<18), device(t, 2<<18+512)}
	for name, top := range map[string]string{"ext4": disk(t, "mkfs.ext4", "-q"),
		"ext2": disk(t, "mkfs.ext2", "-q")} {
		steps.dir, shell.dir = filepath.Join(top, "real"), filepath.Join(top, "shel")
		t.Run(name, func(t *testing.T) {
			for i, step := range sameSteps {
				t.Run(fmt.Sprint(i), func(t *testing.T) { sameInShell(t, steps, shell, step) })
			}
		})
	}
}

func sameInShell(t *testing.T, steps, shell scene, step func(*testing.T, scene) Step) {
	defer func() { run(t, "rm", "-r", steps.dir, shell.dir) }()
	steps.create(t)
	shell.create(t)
	same := step(t, shell)
	err := (&Local{}).Change(t.Context(), step(t, steps))
	_, shellErr := (&Local{}).Query(t.Context(), Cmd("bash", "-c", same.Shell()))
	if (err == nil) != (shellErr == nil) {
		t.Fatalf("%s\nthe step returned %v, the shell %v", same.Shell(), err, shellErr)
	}
	if err != nil {
		return
	}
	if got, want := shell.everything(t), steps.everything(t); got != want {
		t.Errorf("%s\nthe shell has\n%s, the step\n%s", same.Shell(), got, want)
	}
}

// TestStreamInShell runs the shell commands of steps without a name, which use standard input and output.
func TestStreamInShell(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	data := random(1, 3<<20)
	put(t, dir+"/target", make([]byte, 3<<20))
	for _, u := range []Upload{{}, {Offset: 5, Length: 1 << 20}, {Whole: true}, {Whole: true, Sparse: true}} {
		u.Path = dir + "/target"
		cmd := exec.Command("sh", "-c", "sleep 0.1; "+u.Shell())
		cmd.Stdin = pipe(t, data, false)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got := get(t, u.Path)
		put(t, u.Path, make([]byte, 3<<20))
		if u.From = pipe(t, data, false); u.Offset > 0 {
			put(t, u.Path, data)
		}
		do(t, l, u)
		holds(t, u.Path, got)
	}
	put(t, dir+"/target", data)
	for _, d := range pieces[:6] {
		d.From.Path = dir + "/target"
		out, err := exec.Command("sh", "-c", d.Shell()).Output()
		if err != nil || !bytes.Equal(out, d.of(data)) {
			t.Errorf("%s: %d bytes, error %v", d.Shell(), len(out), err)
		}
	}
}

// TestDraftRelative uses relative paths, as a command line may.
func TestDraftRelative(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	t.Chdir(dir)
	for _, path := range []string{"-x", "x", "./y"} {
		d := newDraft(t, path)
		do(t, l, d)
		write(t, d, "new")
		do(t, l, Commit{d})
		holds(t, dir+"/"+path, []byte("new"))
		for _, s := range []Step{newDraft(t, path), Commit{newDraft(t, path)}} {
			do(t, l, Command{Name: "sh", Args: []string{"-c", s.Shell()}, Dir: dir})
		}
		holds(t, dir+"/"+path, nil)
	}
}

// TestDraftInShell creates and commits pending files.
func TestDraftInShell(t *testing.T) {
	var trees []string
	for _, way := range []func(*Local, Step) error{
		func(l *Local, s Step) error { return l.Change(t.Context(), s) },
		func(l *Local, s Step) error {
			_, err := l.Query(t.Context(), Cmd("sh", "-c", s.Shell()))
			return err
		},
	} {
		dir, l := t.TempDir(), &Local{}
		put(t, dir+"/old", []byte("old\n"))
		do(t, l, Chmod{dir + "/old", 0o604}, Symlink{"old", dir + "/link"})
		if os.Geteuid() == 0 {
			do(t, l, Chown{dir + "/old", 4711, 4712})
		}
		for _, path := range []string{dir + "/link", dir + "/new", "/dev/null"} {
			d := newDraft(t, path)
			put(t, dir+"/left", nil)
			for _, s := range []Step{d, Commit{d}} {
				if err := way(l, s); err != nil {
					t.Fatalf("%s: %v", s.Shell(), err)
				}
			}
		}
		trees = append(trees, tree(t, dir))
	}
	if trees[0] != trees[1] {
		t.Errorf("the steps created\n%s, the shell\n%s", trees[0], trees[1])
	}
}
