package backendtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Liar puts a program in front of all others of its name: a shell script, which may print anything.
func Liar(t testing.TB, program, script string) {
	t.Helper()
	dir := t.TempDir()
	file, text := filepath.Join(dir, program), []byte("#!/bin/sh\n"+script+"\n")
	if err := os.WriteFile(file, text, 0o700); err != nil { //nolint:forbidigo // the test's own
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}
