package host

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolctl/backend/host/shell"
)

// TestReadOnly runs a ReadOnly command that tries to write, and then a command that may write.
func TestReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, redirection := range []string{">", ">>", "<>", "2>"} {
		c := Cmd("sh", "-c", "echo x "+redirection+shell.Quote(file))
		c.ReadOnly = true
		_, err := (&Local{}).Query(t.Context(), c)
		if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Stderr != "" {
			t.Errorf("%s: error %v", redirection, err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s created a file", redirection)
		}
	}
	for _, c := range []Command{Cmd("sh", "-c", "echo x >"+shell.Quote(file)),
		{Name: "cat", Args: []string{file}, ReadOnly: true}} {
		out, err := (&Local{}).Query(t.Context(), c)
		if err != nil || c.ReadOnly && string(out) != "x\n" {
			t.Errorf("%s: %q, error %v", c.Shell(), out, err)
		}
	}
}
