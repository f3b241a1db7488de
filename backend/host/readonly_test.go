package host

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestReadOnly lets a command that only looks write something, and then one that may.
func TestReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, redirection := range []string{">", ">>", "<>", "2>"} {
		c := Cmd("sh", "-c", "echo x "+redirection+Quote(file))
		c.ReadOnly = true
		if _, err := (&Local{}).Query(t.Context(), c); err == nil || !strings.Contains(err.Error(), "Permission denied") {
			t.Errorf("%s: error %v", redirection, err)
		}
	}
	for _, c := range []Command{Cmd("sh", "-c", "echo x >"+Quote(file)), {Name: "cat", Args: []string{file}, ReadOnly: true}} {
		out, err := (&Local{}).Query(t.Context(), c)
		if err != nil || c.ReadOnly && string(out) != "x\n" {
			t.Errorf("%s: %q, error %v", c.Shell(), out, err)
		}
	}
}
