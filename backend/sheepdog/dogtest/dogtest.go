// Package dogtest is a stand-in for Sheepdog, which Debian no longer contains, for tests. It implements
// Sheepdog's programs dog and sheep, as far as package sheepdog and its tests use them.
//
// The programs print exactly what version 1.0.1 prints (testdata/dog.txt is a recording). They store data,
// and share and copy data as Sheepdog does. They fail on commands that they do not implement.
package dogtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Run runs one of the programs. Its clusters are in the directory of the executable.
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

// Host and Port are the address of the cluster that Start starts.
const (
	Host = "127.0.0.1"
	Port = 7000
)

// Start installs a binary of the stand-in as dog in PATH, and starts a formatted, empty cluster. It returns
// the directory of the programs.
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

// NewTool returns a Tool for a directory.
func NewTool(dir string) Tool { return Tool{dir} }

// Run runs a program, and returns its output, its error output and its exit status.
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

// Faults of a cluster, for Trouble.
const (
	Silent  = "silent"  // it does not answer
	Waiting = "waiting" // it waits for missing nodes
	Gone    = "gone"    // it refuses connections
)

// Trouble sets the fault of the cluster of a directory. An empty fault repairs the cluster.
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
