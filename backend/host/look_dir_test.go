package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

// TestOpenDir exchanges a directory that is open: all steps use the open one.
func TestOpenDir(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	do(t, l, Mkdir{dir + "/pool", 0o755}, Mkdir{dir + "/other", 0o755})
	put(t, dir+"/pool/file", []byte("here"))
	put(t, dir+"/other/file", []byte("there"))
	for range 2 { // the second call returns the same Dir
		p, err := l.OpenDir(dir+"/pool", false)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
	}
	do(t, l, Rename{dir + "/pool", dir + "/moved"}, Symlink{"other", dir + "/pool"})
	if _, err := l.OpenDir(dir+"/pool", false); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("opening the exchanged directory: error %v", err)
	}
	stage := &Stage{Path: dir + "/pool/.poolctl-0123456789abcdef"}
	do(t, l, CreateFile{Path: dir + "/pool/new", Mode: 0o600, UID: -1, GID: -1,
		From: &Source{Path: dir + "/pool/file"}}, Mkdir{dir + "/pool/dir", 0o700},
		Rename{dir + "/pool/new", dir + "/pool/newer"}, Chmod{dir + "/pool/newer", 0o640},
		Sync{dir + "/pool/newer"}, Resize{Path: dir + "/pool/newer", Size: 2},
		stage, CreateFile{Path: stage.Path + "/new", Mode: 0o600, UID: -1, GID: -1},
		Rename{stage.Path + "/new", dir + "/pool/staged"},
		Command{Name: "touch", Args: []string{"touched"}, Dir: dir + "/pool"}, Unstage{stage},
		Unlink{dir + "/pool/file"}, Rmdir{dir + "/pool/dir"})
	if got := listOf(t, dir+"/other"); got != "[file]" {
		t.Errorf("the other directory contains %s", got)
	}
	if got := listOf(t, dir+"/moved"); got != "[newer staged touched]" {
		t.Errorf("the open directory contains %s", got)
	}
	if got := string(get(t, dir+"/moved/newer")); got != "he" || mode(t, dir+"/moved/newer") != 0o640 {
		t.Errorf("the new file contains %q", got)
	}
}

func listOf(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return fmt.Sprint(names)
}

// TestOpenDirInside checks that links out of a file system, whose server may create any link, lead nowhere.
func TestOpenDirInside(t *testing.T) {
	l, top := &Local{}, disk(t, "mkfs.ext2", "-q")
	secret := t.TempDir() + "/secret"
	put(t, secret, []byte("secret"))
	put(t, top+"/file", []byte("file"))
	do(t, l, Symlink{secret, top + "/out"}, Symlink{"file", top + "/in"})
	p, err := l.OpenDir(top, true)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, want := range map[string]error{"file": nil, "in": nil, "out": fs.ErrNotExist} {
		h, err := p.OpenPath(name)
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v", name, err)
		}
		if err == nil {
			h.Close()
		}
	}
	if err := fails(t, l, Resize{Path: top + "/out", Size: 0}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if got := string(get(t, secret)); got != "secret" {
		t.Errorf("the file outside contains %q", got)
	}
	do(t, l, Resize{Path: top + "/in", Size: 1})
	if mounted, err := p.IsMounted(); !mounted || err != nil {
		t.Errorf("IsMounted returned %v, error %v", mounted, err)
	}
}
