package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A world creates random steps in a directory.
type world struct {
	*rand.Rand
	dir string
}

// names are few, so that steps use the same ones.
var names = []string{"a", "b", "-x", "$(id) '\"", "ü\xff\n", "sub", "sub/c", "link", "link/d", "missing/e"}

func (w world) path() string { return w.dir + "/" + names[w.IntN(len(names))] }

func (w world) mode() fs.FileMode {
	mode := fs.FileMode(w.IntN(0o1000))
	if os.Geteuid() != 0 { // the test itself needs access
		mode |= 0o700
	}
	if w.IntN(4) == 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// id returns a user or group, or -1 if only root may set it.
func (w world) id() int {
	if os.Geteuid() != 0 {
		return -1
	}
	return []int{-1, 0, 1, 4711}[w.IntN(4)]
}

func (w world) step() Step {
	switch w.IntN(15) {
	case 0:
		return Mkdir{w.path(), w.mode()}
	case 1:
		return Rmdir{w.path()}
	case 2:
		return Unlink{w.path()}
	case 3:
		return Chown{w.path(), w.id(), w.id()}
	case 4:
		return Chmod{w.path(), w.mode()}
	case 5, 6:
		return Rename{w.path(), w.path()}
	case 7:
		return Symlink{w.path(), w.path()}
	case 8:
		return WriteFile{w.path(), []byte([]string{"", "\n", "\x1b[31m\u202e\xff'\r\n", "a\nEOF\nb\n",
			"$HOME `id` \\ '\n", "EOF", "%s\\n"}[w.IntN(7)])}
	case 9:
		return Sync{w.path()}
	case 10:
		return Command{Name: "touch", Args: []string{"--", "-made"}, Dir: w.path()}
	case 11:
		return WritePrivate{Path: w.path() + "/p/private", Data: []byte("x\n")}
	case 12:
		return Symlink{w.path(), w.path() + "/p/q/link"}
	case 13:
		return Publish{w.path(), []byte("a\n")}
	}
	size := []uint64{0, 1, 511, 8192, 1 << 20, 1<<40 + 1}[w.IntN(6)]
	return CreateFile{Path: w.path(), Mode: w.mode() & fs.ModePerm, UID: w.id(), GID: w.id(), Size: size,
		Allocate: min(size, uint64(w.IntN(100000))), Zeros: w.IntN(2) == 0, NoCOW: w.IntN(10) == 0}
}

// TestShellDoesTheSame applies random steps in one directory, and runs their shell commands in another. Both
// must succeed or fail, and the directories must be equal after each step.
func TestShellDoesTheSame(t *testing.T) {
	places := map[string]string{"here": t.TempDir()}
	if os.Getenv(private) != "" {
		places["btrfs"] = disk(t, "mkfs.btrfs", "-q")
		places["ext2"] = disk(t, "mkfs.ext2", "-q") // without fallocate
	}
	for name, top := range places {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				sameByShell(t, top, seed)
			}
		})
	}
}

func sameByShell(t *testing.T, top string, seed uint64) {
	t.Helper()
	// A umask that lets sh write its own files; and what is set-group-ID is handed down.
	umask := []int{0o022, 0o077, 0}[seed%3]
	defer syscall.Umask(syscall.Umask(umask))
	stepDir, shell := filepath.Join(top, fmt.Sprintf("real%d", seed)),
		filepath.Join(top, fmt.Sprintf("shel%d", seed))
	for _, dir := range []string{stepDir, shell} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if seed%2 == 0 {
			run(t, "chmod", "g+s", dir)
		}
		run(t, "mkdir", dir+"/sub")
		run(t, "ln", "-s", "sub", dir+"/link")
	}
	local := &Local{}
	a, b := world{rand.New(rand.NewPCG(1, seed)), stepDir}, world{rand.New(rand.NewPCG(1, seed)), shell}
	var done []string
	for range 30 {
		step, same := a.step(), b.step()
		if r, ok := step.(Rename); ok && isLink(r.Old) {
			if _, err := os.Stat(r.Old); err != nil || filepath.Dir(r.Old) != filepath.Dir(r.New) {
				continue
			}
		}
		if !isText(same.Shell()) {
			t.Fatalf("a terminal would obey %q", same.Shell())
		}
		err := local.Change(t.Context(), step)
		_, shellErr := local.Query(t.Context(), Cmd("bash", "-c", same.Shell()))
		done = append(done, strings.ReplaceAll(same.Shell(), shell, ""))
		if (err == nil) != (shellErr == nil) {
			t.Fatalf("seed %d: after\n%s\nthe step returned %v, the shell %v", seed, strings.Join(done, "\n"), err,
				shellErr)
		}
		if got, want := tree(t, shell), tree(t, stepDir); got != want && err == nil {
			t.Fatalf("seed %d: after\n%s\nthe shell has\n%s, the step\n%s", seed, strings.Join(done, "\n"), got, want)
		} else if got != want { // a step undoes what it began, a shell command does not
			return
		}
	}
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// TestStageInShell creates a file in a staging directory.
func TestStageInShell(t *testing.T) {
	var trees []string
	for _, way := range []func(*Local, Step) error{
		func(l *Local, s Step) error { return l.Change(context.Background(), s) },
		func(l *Local, s Step) error {
			_, err := l.Query(context.Background(), Cmd("sh", "-c", s.Shell()))
			return err
		},
	} {
		dir, l := t.TempDir(), &Local{}
		stage := &Stage{Path: dir + "/.stage"}
		for _, s := range []Step{
			stage,
			CreateFile{Path: dir + "/.stage/a", Mode: 0o640, UID: -1, GID: -1, Size: 10},
			Command{Name: "touch", Args: []string{"./b"}, Dir: dir + "/.stage"},
			Rename{dir + "/.stage/a", dir + "/a"},
			Unstage{stage},
			Mkdir{dir + "/left", 0o700},
			Sweep{dir + "/left"},
		} {
			if err := way(l, s); err != nil {
				t.Fatalf("%s: %v", s.Shell(), err)
			}
		}
		trees = append(trees, tree(t, dir))
	}
	if trees[0] != trees[1] {
		t.Errorf("the steps created\n%s, the shell\n%s", trees[0], trees[1])
	}
}

// TestSecretInShell writes a secret: the shell command does not show it, and reads it from standard input.
func TestSecretInShell(t *testing.T) {
	steps, shell := t.TempDir(), t.TempDir()
	secret := func(dir string) WritePrivate {
		return WritePrivate{Path: dir + "/etc/private/it's", Data: []byte("hunter2"), Secret: true}
	}
	do(t, &Local{}, secret(steps))
	text := secret(shell).Shell()
	if strings.Contains(text, "hunter2") {
		t.Error(text)
	}
	sh := exec.Command("sh", "-c", text)
	sh.Stdin = strings.NewReader("hunter2")
	if out, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := tree(t, shell), tree(t, steps); got != want {
		t.Errorf("the shell has\n%s, the step\n%s", got, want)
	}
	if got := mode(t, steps+"/etc/private"); got != 0o700 {
		t.Errorf("the directory has mode %v", got)
	}
}

// TestDryRunChangesNothing applies random steps in a dry run.
func TestDryRunChangesNothing(t *testing.T) {
	w := world{rand.New(rand.NewPCG(2, 3)), t.TempDir()}
	run(t, "sh", "-c", "cd "+w.dir+" && mkdir sub && ln -s sub link && touch a sub/c")
	before := tree(t, w.dir)
	d := NewDryRun(&Local{}, io.Discard)
	for range 500 {
		if err := d.Change(t.Context(), w.step()); err != nil {
			t.Fatal(err)
		}
	}
	stage := &Stage{Path: w.dir + "/stage"}
	for _, s := range []Step{stage, Unstage{stage}, Sweep{w.dir + "/sub"}} {
		if err := d.Change(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if after := tree(t, w.dir); after != before {
		t.Errorf("before\n%s, after\n%s", before, after)
	}
}
