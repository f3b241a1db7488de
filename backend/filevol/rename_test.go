package filevol

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend"
	"poolctl/backend/backendtest"
)

// TestRenameKinds renames one volume of each kind, and files that are no volumes.
func TestRenameKinds(t *testing.T) {
	p := newPool(t)
	dir := p.Target.Path
	write(t, p, "file", "x")
	ok(t, os.Link(dir+"/file", dir+"/hard link"))
	ok(t, os.Mkdir(dir+"/sub", 0o755))
	write(t, p, "sub/x", "")
	ok(t, os.Symlink("file", dir+"/link"))
	ok(t, os.Symlink(dir+"/sub", dir+"/dirlink"))
	ok(t, os.Symlink("none", dir+"/dangling"))
	ok(t, unix.Mkfifo(dir+"/fifo", 0o600))
	before := backendtest.Tree(t, dir)
	for name, want := range map[string]error{
		"file": nil, "hard link": nil, "sub": nil, "link": nil, "dirlink": nil, "dangling": backend.ErrNoVolume,
		"fifo": backend.ErrNoVolume,
	} {
		if err := here.Rename(t.Context(), p, name, "new"); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
		if _, err := os.Lstat(dir + "/new"); (err == nil) != (want == nil) {
			t.Errorf("%s: lookup of the new name: got error %v", name, err)
		}
		if want == nil {
			ok(t, here.Rename(t.Context(), p, "new", name))
		}
		for _, taken := range []string{"hard link", "sub", "dangling", "fifo"} {
			if err := here.Rename(t.Context(), p, name, taken); want == nil && taken != name &&
				!errors.Is(err, fs.ErrExist) {
				t.Errorf("%s to %s: error %v", name, taken, err)
			}
		}
		if after := backendtest.Tree(t, dir); after != before {
			t.Fatalf("%s: before\n%s\nafter\n%s", name, before, after)
		}
	}
}

// TestRenameOverlay renames an image with a relative backing file, which must still be found.
func TestRenameOverlay(t *testing.T) {
	p := newPool(t)
	base := write(t, p, "base", "x")
	write(t, p, "v", overlayAs("base", "raw"))
	ok(t, here.Rename(t.Context(), p, "v", "w"))
	chain, err := here.Chain(t.Context(), p, "w")
	ok(t, err)
	if chain[0].Target.Path != base {
		t.Errorf("got backing file %+v", *chain[0])
	}
}
