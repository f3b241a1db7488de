package host

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/safeopen"
)

func TestStage(t *testing.T) {
	l, other, dir := &Local{}, &Local{}, t.TempDir()
	stage := &Stage{Path: dir + "/stage"}
	do(t, l, stage, WriteFile{stage.Path + "/x", []byte("x\n")}, Mkdir{stage.Path + "/d", 0o755},
		WriteFile{stage.Path + "/d/y", nil})
	if got := mode(t, stage.Path); got != 0o700 {
		t.Errorf("its mode is %v", got)
	}
	for _, h := range []*Local{l, other} {
		refuse(t, h, dir, Sweep{stage.Path}, fs.ErrExist)
		refuse(t, h, dir, &Stage{Path: stage.Path}, fs.ErrExist)
	}
	before := tree(t, dir)
	do(t, l, Unstage{&Stage{Path: stage.Path}}) // a new one, not the same
	do(t, other, Unstage{stage})
	if after := tree(t, dir); after != before {
		t.Errorf("was\n%s, is\n%s", before, after)
	}
	do(t, l, Unstage{stage}, Unstage{stage})
	if _, err := os.Lstat(stage.Path); err == nil {
		t.Error("the directory still exists")
	}
	do(t, l, stage, Unstage{stage})
	stage.Release()
}

func TestSweep(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	left := func(name string) string { // as a killed process leaves it
		killed := &Local{}
		stage := &Stage{Path: dir + "/" + name}
		do(t, killed, stage, Mkdir{stage.Path + "/d", 0o755}, WriteFile{stage.Path + "/d/x", nil},
			Symlink{"/etc", stage.Path + "/link"})
		stage.Release()
		return stage.Path
	}
	do(t, l, Sweep{left("a")}, Mkdir{dir + "/empty", 0o700}, Sweep{dir + "/empty"},
		WriteFile{dir + "/draft", nil}, Sweep{dir + "/draft"})
	if got := strings.Count(tree(t, dir), "\n"); got != 1 {
		t.Errorf("the directory still contains\n%s", tree(t, dir))
	}
	if _, err := os.Stat("/etc/passwd"); err != nil {
		t.Fatal(err)
	}
	path := left("b")
	do(t, l, Symlink{path, dir + "/c"}, Mkdir{dir + "/data", 0o700}, WriteFile{dir + "/data/x", nil})
	refuse(t, l, dir, Sweep{dir + "/data"}, unix.ENOTEMPTY)
	refuse(t, l, dir, Sweep{dir + "/c"}, unix.ELOOP, unix.ENOTDIR)
	refuse(t, l, dir, Sweep{dir + "/none"}, fs.ErrNotExist)
}

// TestStageExchanged replaces a staging directory by a link to another user's directory: nothing may happen
// there.
func TestStageExchanged(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	stage := &Stage{Path: dir + "/pool/stage"}
	in := func(name string) string { return stage.Path + "/" + name }
	do(t, l, Mkdir{dir + "/pool", 0o777}, Mkdir{dir + "/victim", 0o755}, stage)
	for _, name := range []string{"a", "b", "lock"} {
		do(t, l, WriteFile{dir + "/victim/" + name, []byte("theirs\n")})
	}
	before := tree(t, dir+"/victim")
	do(t, l, Rename{stage.Path, dir + "/pool/moved"}, Symlink{dir + "/victim", stage.Path})
	do(t, l,
		CreateFile{Path: in("a"), Mode: 0o666, UID: -1, GID: -1}, Chmod{in("a"), 0o777}, Sync{in("a")},
		Command{Name: "touch", Args: []string{"./b", "./c"}, Dir: stage.Path}, Unlink{in("c")},
		Mkdir{in("d"), 0o777}, Chown{in("d"), os.Getuid(), os.Getgid()}, Rmdir{in("d")},
		Rename{in("a"), dir + "/pool/a"}, Rename{dir + "/pool/a", in("a")})
	if got := tree(t, dir+"/pool/moved"); !strings.Contains(got, `"/a" -rwxrwxrwx`) ||
		!strings.Contains(got, `"/b"`) {
		t.Errorf("the new file is not in the staging directory:\n%s", got)
	}
	if err := l.Change(t.Context(), Unstage{stage}); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("removing an exchanged staging directory: error %v", err)
	}
	if after := tree(t, dir+"/victim"); after != before {
		t.Errorf("the victim's directory was\n%s, is\n%s", before, after)
	}
	if got := tree(t, dir+"/pool/moved"); strings.Count(got, "\n") != 1 {
		t.Errorf("left in the staging directory:\n%s", got)
	}
}

// TestStageOfAnother replaces a staging directory before it is locked: by a directory of the other user, who
// could change its contents, or by one of ours with a file in it, which would be removed.
func TestStageOfAnother(t *testing.T) {
	path := t.TempDir() + "/stage"
	do(t, &Local{}, Mkdir{path, 0o700})
	dir, err := safeopen.OpenDirAt(unix.AT_FDCWD, path, path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	refused := func() {
		t.Helper()
		before := tree(t, path)
		if _, err := lockNewStage(dir, path); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got error %v", err)
		}
		if after := tree(t, path); after != before {
			t.Errorf("was\n%s, is\n%s", before, after)
		}
	}
	do(t, &Local{}, WriteFile{path + "/data", nil})
	refused()
	do(t, &Local{}, Unlink{path + "/data"})
	if os.Geteuid() != 0 {
		notRun(t, "a directory of somebody else in the place of ours: it needs root")
	}
	do(t, &Local{}, Chown{path, 4711, 4711})
	refused()
}

// TestStageRivals creates, uses and removes the same staging directory in many goroutines until it was used
// thirty times: no two may use it at once.
func TestStageRivals(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/stage"
	var inside, uses atomic.Int32
	var rivals sync.WaitGroup
	for range 8 {
		rivals.Go(func() {
			l := &Local{}
			for uses.Load() < 30 {
				stage := &Stage{Path: path}
				if err := l.Change(t.Context(), stage); errors.Is(err, fs.ErrExist) {
					if err := l.Change(t.Context(), Sweep{path}); err != nil && !errors.Is(err, fs.ErrExist) &&
						!errors.Is(err, fs.ErrNotExist) {
						t.Error(err)
					}
					continue
				} else if err != nil {
					t.Error(err)
					continue
				}
				uses.Add(1)
				if inside.Add(1) != 1 {
					t.Error("two goroutines use the directory")
				}
				do(t, l, CreateFile{Path: path + "/x", UID: -1, GID: -1})
				inside.Add(-1)
				do(t, l, Unstage{stage})
			}
		})
	}
	rivals.Wait()
	if got := tree(t, dir); strings.Count(got, "\n") != 1 {
		t.Errorf("left behind:\n%s", got)
	}
}
