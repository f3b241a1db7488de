package backendtest

import (
	"os"
	"path/filepath"
	"testing"
)

// FakeProgram puts a shell script in front of all other programs of a name in PATH, until the test ends.
func FakeProgram(t testing.TB, program, script string) {
	t.Helper()
	dir := t.TempDir()
	file, text := filepath.Join(dir, program), []byte("#!/bin/sh\n"+script+"\n")
	if err := os.WriteFile(file, text, 0o700); err != nil { //nolint:forbidigo // the test's own
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}
