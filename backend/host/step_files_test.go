package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// do applies steps, which must succeed.
func do(t testing.TB, l *Local, steps ...Step) {
	t.Helper()
	for _, s := range steps {
		if err := l.Change(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s.Shell(), err)
		}
	}
}

// refuse applies a step that must fail with one of the errors, and must not change the directory.
func refuse(t testing.TB, l *Local, dir string, s Step, want ...error) {
	t.Helper()
	before := tree(t, dir)
	err := l.Change(context.Background(), s)
	found := false
	for _, w := range want {
		found = found || errors.Is(err, w)
	}
	if !found {
		t.Errorf("%s: got error %v, want %v", s.Shell(), err, want)
	}
	if after := tree(t, dir); after != before {
		t.Errorf("%s: was\n%s, is\n%s", s.Shell(), before, after)
	}
}

func mode(t testing.TB, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode() &^ fs.ModeType
}

func TestModesAgainstUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	l, dir := &Local{}, t.TempDir()
	do(t, l, Mkdir{dir + "/open", 0o777}, Mkdir{dir + "/sticky", 0o777 | fs.ModeSticky},
		CreateFile{Path: dir + "/file", Mode: 0o666, UID: -1, GID: -1},
		WriteFile{dir + "/definition", []byte("x\n")}, Chmod{dir + "/definition", 0o644},
		WriteFile{dir + "/definition", []byte("y\n")})
	for name, want := range map[string]fs.FileMode{"open": 0o777, "sticky": 0o777 | fs.ModeSticky,
		"file": 0o666, "definition": 0o600} {
		if got := mode(t, dir+"/"+name); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
}

// TestMissingDirectories checks that parent directories that a step creates are never wider than 0755,
// whatever the umask is.
func TestMissingDirectories(t *testing.T) {
	for umask, want := range map[int]fs.FileMode{0: 0o755, 0o002: 0o755, 0o022: 0o755, 0o077: 0o700} {
		l, dir := &Local{}, t.TempDir()
		before := syscall.Umask(umask)
		do(t, l, WriteFile{dir + "/a/b/file", nil}, Symlink{"x", dir + "/c/d/link"},
			WritePrivate{Path: dir + "/e/f/file"})
		syscall.Umask(before)
		for _, made := range []string{"a", "a/b", "c", "c/d", "e"} {
			if got := mode(t, dir+"/"+made); got != want {
				t.Errorf("umask %03o: %s has mode %v, want %v", umask, made, got, want)
			}
		}
		if got := mode(t, dir+"/e/f"); got != 0o700 {
			t.Errorf("umask %03o: the private directory has mode %v", umask, got)
		}
	}
}

// TestSetGroupID creates files in a directory that passes its group on.
func TestSetGroupID(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	if err := os.Chmod(dir, 0o755|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	do(t, l, Mkdir{dir + "/sub", 0o700}, Chmod{dir + "/sub", 0o755})
	if got := mode(t, dir+"/sub"); got != 0o755|fs.ModeSetgid {
		t.Errorf("the directory has mode %v", got)
	}
}

func TestTakenNames(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	do(t, l, Mkdir{dir + "/empty", 0o755}, Mkdir{dir + "/dir", 0o755}, WriteFile{dir + "/file", []byte("old\n")},
		WriteFile{dir + "/new", []byte("new\n")}, Symlink{dir + "/missing", dir + "/link"})
	for _, taken := range []string{"empty", "dir", "file", "link"} {
		path := dir + "/" + taken
		for _, s := range []Step{
			Mkdir{path, 0o755}, Rename{dir + "/new", path}, CreateFile{Path: path, UID: -1, GID: -1},
			Symlink{"x", path}, &Stage{Path: path},
		} {
			refuse(t, l, dir, s, fs.ErrExist)
		}
	}
	refuse(t, l, dir, Rename{dir + "/dir", dir + "/empty"}, fs.ErrExist)
	refuse(t, l, dir, Rmdir{dir + "/file"}, unix.ENOTDIR)
	refuse(t, l, dir, Unlink{dir + "/empty"}, unix.EISDIR)
	refuse(t, l, dir, Unlink{dir + "/none"}, fs.ErrNotExist)
}

// TestRenameElsewhere renames on file systems where the kernel cannot check and rename in one operation.
func TestRenameElsewhere(t *testing.T) {
	defer func() { renameat2, linkat = unix.Renameat2, unix.Linkat }()
	renameat2 = func(int, string, int, string, uint) error { return unix.EINVAL }
	for name, link := range map[string]func(int, string, int, string, int) error{
		"with hard links":    unix.Linkat,
		"without hard links": func(int, string, int, string, int) error { return unix.EPERM },
	} {
		t.Run(name, func(t *testing.T) {
			linkat = link
			l, dir := &Local{}, t.TempDir()
			do(t, l, WriteFile{dir + "/a", []byte("a\n")}, WriteFile{dir + "/b", []byte("b\n")},
				Mkdir{dir + "/c", 0o755}, Mkdir{dir + "/d", 0o755})
			refuse(t, l, dir, Rename{dir + "/a", dir + "/b"}, fs.ErrExist)
			refuse(t, l, dir, Rename{dir + "/c", dir + "/d"}, fs.ErrExist)
			refuse(t, l, dir, Rename{dir + "/none", dir + "/e"}, fs.ErrNotExist)
			do(t, l, Symlink{"b", dir + "/link"}, Symlink{"d", dir + "/dirlink"})
			refuse(t, l, dir, Rename{dir + "/link", dir + "/b"}, fs.ErrExist)
			do(t, l, Rename{dir + "/link", dir + "/l"}, Rename{dir + "/dirlink", dir + "/dl"})
			do(t, l, Rename{dir + "/a", dir + "/e"}, Rename{dir + "/c", dir + "/f"})
			if _, err := os.Lstat(dir + "/a"); read(t, dir+"/e") != "a\n" || !mode(t, dir+"/f").IsRegular() ||
				err == nil {
				t.Errorf("the directory contains\n%s", tree(t, dir))
			}
			file, err := os.Readlink(dir + "/l")
			if sub, _ := os.Readlink(dir + "/dl"); file != "b" || sub != "d" || isLink(dir+"/link") {
				t.Errorf("the links became %q, %v, %q", file, err, sub)
			}
		})
	}
}

// TestSyncDir syncs a directory on a file system that does not support that.
func TestSyncDir(t *testing.T) {
	if err := syncDir("/proc"); err != nil { // procfs does not support fsync
		t.Error(err)
	}
	if err := syncDir("/no/such"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestWriteFileIsAtomic reads a file while other goroutines write it.
func TestWriteFileIsAtomic(t *testing.T) {
	l, dir := &Local{}, t.TempDir()
	path := dir + "/new/parents/file"
	texts := [][]byte{bytes.Repeat([]byte("a"), 100_000), bytes.Repeat([]byte("b"), 10_000), {}}
	do(t, l, WriteFile{path, texts[0]})
	var writers sync.WaitGroup
	for _, text := range texts {
		writers.Go(func() {
			for range 50 {
				do(t, l, WriteFile{path, text})
			}
		})
	}
	done := make(chan bool)
	go func() { writers.Wait(); close(done) }()
	for {
		data, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(data, texts[0]) && !bytes.Equal(data, texts[1]) && len(data) != 0 {
			t.Fatalf("read %d bytes, error %v", len(data), err)
		}
		select {
		case <-done:
			if names, _ := filepath.Glob(dir + "/new/parents/.*"); names != nil {
				t.Errorf("left behind: %q", names)
			}
			return
		default:
		}
	}
}

func TestFullDisk(t *testing.T) {
	l, dir := &Local{}, tmpfs(t, 256)
	do(t, l, WriteFile{dir + "/file", []byte("old\n")})
	refuse(t, l, dir, WriteFile{dir + "/file", make([]byte, 1<<20)}, unix.ENOSPC)
	if err := l.Change(t.Context(), WriteFile{dir + "/file", make([]byte,
		1<<20)}); err.Error() != "write "+dir+"/file: no space left on device" {
		t.Errorf("got error %v", err)
	}
	for _, zeros := range []bool{false, true} {
		refuse(t, l, dir, CreateFile{Path: dir + "/image", UID: -1, GID: -1, Size: 1 << 20, Allocate: 1 << 20,
			Zeros: zeros}, unix.ENOSPC)
	}
}
