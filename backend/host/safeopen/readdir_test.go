package safeopen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// read reads a directory with ReadDir.
func read(t *testing.T, path string) map[string]os.FileMode {
	t.Helper()
	dir, err := OpenDirAt(unix.AT_FDCWD, path, path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	entries, err := ReadDir(FD(dir.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]os.FileMode{}
	for _, e := range entries {
		all[e.Name] = e.Type
	}
	if len(all) != len(entries) {
		t.Errorf("%s: %d names, %d different", path, len(entries), len(all))
	}
	return all
}

// TestReadDir reads directories as package os does: one with all types of files, and one that needs several
// reads.
func TestReadDir(t *testing.T) {
	dir, long := t.TempDir(), t.TempDir()
	err := errors.Join(os.WriteFile(dir+"/file\n", nil, 0o600), os.Mkdir(dir+"/dir", 0o700),
		os.Symlink("/", dir+"/link"), unix.Mkfifo(dir+"/fifo", 0o600))
	for i := range 5000 {
		err = errors.Join(err, os.Symlink("/", fmt.Sprintf("%s/name-%d", long, i)))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, long, "/dev", "/sys/kernel", t.TempDir()} {
		entries, err := os.ReadDir(path)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]os.FileMode{}
		for _, e := range entries {
			want[e.Name()] = e.Type()
		}
		if got := read(t, path); !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// TestDirents reads records of getdents64(2): of a file system that does not report types, of names that have
// been removed, and impossible ones.
func TestDirents(t *testing.T) {
	path := t.TempDir()
	if err := os.Mkdir(path+"/dir", 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := OpenDirAt(unix.AT_FDCWD, path, path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	record := func(inode byte, name string) []byte {
		r := append(make([]byte, direntName), name...)
		r[0] = inode
		binary.NativeEndian.PutUint16(r[direntLength:], uint16(len(r)+1))
		return append(r, 0)
	}
	all := append(append(record(1, "."), record(1, "gone")...), append(record(0, "dir"), record(1, "dir")...)...)
	got, err := appendDirents(nil, FD(dir.Fd()), all)
	if err != nil || len(got) != 1 || got[0] != (DirEntry{"dir", os.ModeDir}) {
		t.Errorf("got %v, error %v", got, err)
	}
	short, endless := record(1, "dir"), record(1, "dir")
	short[direntLength], endless[len(endless)-1] = 3, 'x'
	for _, records := range [][]byte{short, endless, all[:len(all)-1], all[:5]} {
		if got, err := appendDirents(nil, FD(dir.Fd()), records); !errors.Is(err, unix.EIO) {
			t.Errorf("%q: got %v, error %v", records, got, err)
		}
	}
}
