// Package dogtest is a stand-in for Sheepdog, which Debian has no more: its programs dog and sheep, as far as package sheepdog and its tests use
// them. They answer word for word as those of version 1.0.1 do (testdata/dog.txt is a recording), keep what they are given, share and copy data as
// Sheepdog does, and refuse what they do not know.
package dogtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Run is one of the programs. Its clusters are in the directory in which it is itself.
func Run(program string) int {
	path := os.Args[0]
	if !strings.Contains(path, "/") {
		path, _ = os.Executable()
	}
	t := &tool{dir: filepath.Dir(path), in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if program == "sheep" {
		return t.sheep(os.Args[1:])
	}
	return t.dog(os.Args[1:])
}

// Host and Port are where the cluster is that Start has started.
const (
	Host = "127.0.0.1"
	Port = 7000
)

// Start has a binary of the stand-in found as dog, and starts a cluster that is formatted and empty. It returns the directory of the programs.
func Start(t testing.TB, binary []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dog"), binary, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	NewTool(dir).must(t, "sheep -p 7000 store")
	NewTool(dir).must(t, "dog cluster format -c 1")
	return dir
}

// A Tool runs the programs in this process, on the clusters of a directory.
type Tool struct{ dir string }

// NewTool returns it.
func NewTool(dir string) Tool { return Tool{dir} }

// Run runs a program, and returns what it prints.
func (t Tool) Run(in string, words ...string) (out, complaint string, status int) {
	var stdout, stderr strings.Builder
	program := &tool{dir: t.dir, in: strings.NewReader(in), out: &stdout, err: &stderr}
	if words[0] == "sheep" {
		status = program.sheep(words[1:])
	} else {
		status = program.dog(words[1:])
	}
	return stdout.String(), stderr.String(), status
}

func (t Tool) must(tb testing.TB, line string) {
	tb.Helper()
	if _, complaint, status := t.Run("", strings.Fields(line)...); status != 0 {
		tb.Fatalf("%s: status %d, %s", line, status, complaint)
	}
}

// The troubles that a cluster can be in.
const (
	Silent  = "silent"  // it does not answer
	Waiting = "waiting" // for nodes that are missing
	Gone    = "gone"    // nobody listens
)

// Trouble gets the cluster of a directory into trouble, or out of it if that is empty.
func Trouble(t testing.TB, dir, trouble string) {
	t.Helper()
	s, unlock, err := open(dir, Port)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	s.Trouble = trouble
	if err := s.save(); err != nil {
		t.Fatal(err)
	}
}
