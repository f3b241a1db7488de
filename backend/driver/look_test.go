package driver

import (
	"errors"
	"os"
	"testing"

	"poolctl/backend"
)

// TestHidden checks that a pool whose storage does not answer is named among those that may hide users of
// volumes.
func TestHidden(t *testing.T) {
	d, b := newDriver(t)
	b.activeErr = &backend.TimeoutError{Text: "the server does not answer"}
	_, hidden, err := d.AllUsers(t.Context(), "")
	if err != nil || !errors.Is(errors.Join(hidden...), b.activeErr) {
		t.Errorf("got %v, error %v", hidden, err)
	}
}

// TestLeadsThrough checks which paths and symbolic links lead through a file.
func TestLeadsThrough(t *testing.T) {
	top := t.TempDir()
	for link, target := range map[string]string{
		"pool/link": "file", "pool/chain": "link", "abs": top + "/pool/file", "dir": "pool",
		"up": "pool/../pool/./link", "loop": "loop", "sub/back": "../pool",
	} {
		if err := os.MkdirAll(top+"/pool", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(top+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, top+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	leads := func(path, at string) bool {
		return followPath(path, func(next string) bool { return next == at })
	}
	for _, test := range []struct {
		path, at string
		want     bool
	}{
		{"/pool/file", "/pool/file", true}, {"//pool/./sub/../file", "/pool/file", true},
		{"/pool/link", "/pool/file", true}, {"/pool/chain", "/pool/file", true},
		{"/abs", "/pool/file", true}, {"/dir/file", "/pool/file", true}, {"/up", "/pool/file", true},
		{"/sub/back/link", "/pool/file", true},
		{"/pool/chain", "/pool/link", true}, {"/up", "/pool/link", true}, {"/pool/file", "/pool/link", false},
		{"/pool/link", "/pool/chain", false},
		{"/pool/file/below", "/pool/file", true}, {"/pool/files", "/pool/file", false},
		{"/loop", "/pool/file", false}, {"/none/file", "/pool/file", false}, {"/pool", "/pool/file", false},
	} {
		if got := leads(top+test.path, top+test.at); got != test.want {
			t.Errorf("%s by %s: %v", test.path, test.at, got)
		}
	}
	if leads("", top) {
		t.Error("an empty path leads through a directory")
	}
}
