package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"poolctl/backend/sheepdog/dogtest"
)

func TestMain(m *testing.M) {
	programs := attackPrograms()
	programs["as-libvirtd"] = func() { os.Exit(asLibvirtd(os.Args[1], os.Args[2:])) }
	programs["dog"] = func() { os.Exit(dogtest.Run("dog")) } // Debian no longer has it
	programs["sheep"] = func() { os.Exit(dogtest.Run("sheep")) }
	testscript.Main(withPoolctl{m}, programs)
}

// withPoolctl runs the tests with poolctl in the PATH. Sessions start the program that users run thousands of
// times; the test program takes three times as long to start.
type withPoolctl struct{ *testing.M }

// Run implements [testscript.TestingM].
func (m withPoolctl) Run() int {
	dir, err := os.MkdirTemp("", "poolctl-bin")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.M.Run()
}

// install puts poolctl into a directory, which becomes the first of the PATH. It builds poolctl unless
// POOLCTL_TEST_BINARY names it.
func install(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // sessions run poolctl as other users, too
		return err
	}
	file := filepath.Join(dir, "poolctl")
	if binary := os.Getenv("POOLCTL_TEST_BINARY"); binary != "" {
		if err := os.Symlink(binary, file); err != nil {
			return err
		}
	} else {
		build := exec.Command("go", "build", "-o", file, "..")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	return os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}
