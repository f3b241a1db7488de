package safeopen

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFindDangling looks for links on paths, some of which end at the link, others behind it.
func TestFindDangling(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"absolute": dir + "/nowhere", "relative": "no/where/", "chain": "absolute", "up": "dir/../none",
		"dir/inner": "../no", "good": "dir", "loop": "loop", "through": "good/none", "ends": "dir//",
	} {
		if err := os.MkdirAll(dir+"/dir", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]DanglingError{
		"absolute":     {"absolute", "nowhere"},
		"absolute/":    {"absolute", "nowhere"},
		"absolute/x/y": {"absolute", "nowhere"},
		"relative":     {"relative", "no/where"},
		"relative/x":   {"relative", "no/where"},
		"chain":        {"chain", "nowhere"},
		"chain/x":      {"chain", "nowhere"},
		"up/x":         {"up", "none"},
		"good/inner/x": {"dir/inner", "no"},
		"through/x":    {"through", "dir/none"},
		"good":         {},
		"good/none":    {},
		"ends/none/x":  {},
		"none":         {},
		"loop":         {},
		"dir/none/x":   {},
	} {
		found := FindDangling(dir + "/" + path)
		switch {
		case found == nil && want == (DanglingError{}):
		case found == nil:
			t.Errorf("%s: nothing found, want %v", path, want)
		case *found != DanglingError{filepath.Join(dir, want.Link), filepath.Join(dir, want.To)}:
			t.Errorf("%s: got %v, want %v", path, *found, want)
		}
	}
}
