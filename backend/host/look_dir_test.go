package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"poolctl/backend/host/safeopen"

	"golang.org/x/sys/unix"
)

// TestFollow follows links of root, of the running user, and of another user.
func TestFollow(t *testing.T) {
	if os.Geteuid() != 0 {
		notRun(t, "links of others: it needs root")
	}
	l, dir := &Local{}, t.TempDir()
	put(t, dir+"/secret", nil)
	do(t, l, Mkdir{dir + "/theirs", 0o755}, Mkdir{dir + "/theirs/sub", 0o755}, Mkdir{dir + "/ours", 0o755})
	put(t, dir+"/theirs/file", nil)
	put(t, dir+"/theirs/sub/file", nil)
	put(t, dir+"/ours/file", nil)
	links := map[string]string{
		"to-secret": "../secret", "to-file": "file", "absolute": dir + "/theirs/file", "to-dir": dir + "/theirs/sub/", "up": "..", "root": "/",
		"chain": "to-secret", "ours": "../ours", "loop": "loop", "nowhere": "none", "process": "/proc/self", "memory": "/proc/self/mem", "dot": ".",
	}
	for name, target := range links {
		do(t, l, Symlink{target, dir + "/theirs/" + name})
	}
	do(t, l, Symlink{"theirs/to-file", dir + "/link"}, Symlink{"theirs/to-secret", dir + "/link-secret"})
	for _, name := range []string{"", "/sub", "/file", "/sub/file"} {
		do(t, l, Chown{dir + "/theirs" + name, 4711, 4711})
	}
	for name := range links {
		if err := os.Lchown(dir+"/theirs/"+name, 4711, 4711); err != nil {
			t.Fatal(err)
		}
	}
	link := &safeopen.LinkError{}
	for path, want := range map[string]any{
		"secret": "secret", "theirs/file": "theirs/file", "./theirs//sub/../file": "theirs/file", "theirs/sub/file/": unix.ENOTDIR, "theirs/": "theirs",
		"theirs/to-file": "theirs/file", "theirs/absolute": "theirs/file", "theirs/to-dir/file": "theirs/sub/file", "theirs/to-dir/../file": "theirs/file",
		"theirs/dot/dot/to-file": "theirs/file", "link": "theirs/file",
		"theirs/to-secret": link, "theirs/chain": link, "theirs/up/secret": link, "theirs/root": link, "theirs/ours/file": link, "link-secret": link,
		"theirs/process/status": link, "theirs/memory": link,
		"theirs/loop": unix.ELOOP, "theirs/nowhere": fs.ErrNotExist, "none": fs.ErrNotExist, "theirs/file/x": unix.ENOTDIR,
	} {
		fd, err := safeopen.Follow(dir + "/" + path)
		if is, ok := want.(string); ok {
			if got, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil || got != dir+"/"+is {
				t.Errorf("%s leads to %q, error %v", path, got, err)
			}
			fd.Close()
			continue
		}
		if wanted, ok := want.(*safeopen.LinkError); ok && !errors.As(err, &wanted) || !ok && !errors.Is(err, want.(error)) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

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
	do(t, l, CreateFile{Path: dir + "/pool/new", Mode: 0o600, UID: -1, GID: -1, From: &Source{Path: dir + "/pool/file"}}, Mkdir{dir + "/pool/dir", 0o700},
		Rename{dir + "/pool/new", dir + "/pool/newer"}, Chmod{dir + "/pool/newer", 0o640}, Sync{dir + "/pool/newer"}, Resize{Path: dir + "/pool/newer", Size: 2},
		stage, CreateFile{Path: stage.Path + "/new", Mode: 0o600, UID: -1, GID: -1}, Rename{stage.Path + "/new", dir + "/pool/staged"},
		Command{Name: "touch", Args: []string{"touched"}, Dir: dir + "/pool"}, Unstage{stage}, Unlink{dir + "/pool/file"}, Rmdir{dir + "/pool/dir"})
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
