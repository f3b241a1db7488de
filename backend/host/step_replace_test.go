package host

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/safeopen"
)

// TestReplace replaces a file, on a file system that can exchange names and on one that cannot. A file that
// changed after it was held, or that has replaced the held one, stays.
func TestReplace(t *testing.T) {
	defer func() { renameat2 = unix.Renameat2 }()
	dir := t.TempDir()
	write := func(name, data string) {
		t.Helper()
		if err := os.WriteFile(dir+"/"+name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, exchanges := range []bool{true, false} {
		if !exchanges {
			renameat2 = func(int, string, int, string, uint) error { return unix.EINVAL }
		}
		for change, want := range map[string]string{"": "new", "v": "changed", "w": "changed"} {
			write("new", "new")
			write("v", "old")
			h, err := safeopen.OpenPath(dir + "/v")
			if err != nil {
				t.Fatal(err)
			}
			held, err := NewHold(h)
			if err != nil {
				t.Fatal(err)
			}
			if change != "" {
				write(change, "changed")
			}
			if change == "w" {
				err = os.Rename(dir+"/w", dir+"/v")
			}
			if err != nil {
				t.Fatal(err)
			}
			step := Replace{Old: dir + "/new", New: dir + "/v", Held: held}
			err = new(Local).Change(t.Context(), step)
			held.Release()
			h.Close()
			data, readErr := os.ReadFile(dir + "/v")
			if readErr != nil || string(data) != want || (err == nil) != (change == "") {
				t.Errorf("exchanges: %v, changed %q: error %v, then %q, %v", exchanges, change, err, data, readErr)
			}
			_, err = os.Stat(dir + "/new")
			if isLeft := err == nil; isLeft != (exchanges || change != "") {
				t.Errorf("exchanges: %v, changed %q: the other name: %v", exchanges, change, err)
			}
		}
	}
}
