package host

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestInputs runs a program that reads its inputs.
func TestInputs(t *testing.T) {
	l := &Local{}
	secret := random(1, 87_000)
	c := Command{Name: "cat", Args: []string{"/dev/fd/3"},
		Inputs: []Input{{File: "/etc/secret key", Data: secret}}}
	if got, err := l.Query(t.Context(), c); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("the program read %d bytes, error %v", len(got), err)
	}
	if got := c.Shell(); got != "cat /dev/fd/3 3<'/etc/secret key'" {
		t.Errorf("the shell command is %s", got)
	}
	c.Args, c.Dir = []string{"/dev/fd/4", "/dev/fd/3"}, t.TempDir()
	c.Inputs = []Input{{File: "a", Data: []byte("first")}, {File: "b", Data: []byte("second")}}
	if got, err := l.Query(t.Context(), c); err != nil || string(got) != "secondfirst" {
		t.Errorf("the program read %q, error %v", got, err)
	}
	if got := c.Shell(); !strings.HasSuffix(got, "&& cat /dev/fd/4 /dev/fd/3 3<a 4<b)") {
		t.Errorf("the shell command is %s", got)
	}
	c = Command{Name: "cat", Args: []string{"/proc/self/cmdline", "/proc/self/environ"},
		Inputs: []Input{{File: "a", Data: []byte("hidden")}}}
	if got, err := l.Query(t.Context(), c); err != nil || bytes.Contains(got, []byte("hidden")) {
		t.Errorf("the program printed %q, error %v", got, err)
	}
	c = Command{Name: "cat", Args: []string{"/no/such"}, Inputs: c.Inputs}
	if err := fails(t, l, c); strings.Contains(err.Error(), "hidden") {
		t.Error(err)
	}
	if entries, err := os.ReadDir("/proc/self/fd"); err != nil || len(entries) > 100 {
		t.Errorf("%d files are open, error %v", len(entries), err)
	}
}

// TestInputLikeShell checks that the shell command passes the same inputs.
func TestInputLikeShell(t *testing.T) {
	l, file := &Local{}, t.TempDir()+"/a file"
	put(t, file, random(3, 1000))
	c := Command{Name: "cat", Args: []string{"/dev/fd/3"}, Inputs: []Input{{File: file, Data: random(3, 1000)}}}
	want, err := l.Query(t.Context(), c)
	if err != nil || run(t, "sh", "-c", c.Shell()) != string(want) {
		t.Errorf("the inputs differ, error %v", err)
	}
}
