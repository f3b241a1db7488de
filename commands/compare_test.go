package commands_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolctl/backend/backendtest"
)

// compareDir has the sessions, and the list of the intended differences.
const compareDir = "../testdata/compare"

// TestCompare runs the same command lines through virsh, with a libvirtd of its own, and through poolctl
// under the name virsh. It compares their standard output, whether they succeed, the state of the machine
// afterwards and, if both fail, the lines of their errors that scripts look for. Every difference must be in
// differences.txt, and every entry there must occur.
//
// The test needs root, libvirt's daemon and client, and for sessions in the lab User Mode Linux. With
// POOLCTL_TEST_ALL, it fails if one of them is missing. scripts/compare -v shows both sides' standard error.
// virsh's results are recorded (see record).
func TestCompare(t *testing.T) {
	backendtest.Long(t, "the comparison with virsh")
	known, err := readDifferenceList(filepath.Join(compareDir, "differences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(compareDir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	requireForCompare(t, fmt.Sprintf("all %d sessions", len(files)-1), "virsh", "libvirtd", "unshare",
		"qemu-img")
	binary := poolctlBinary(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if name == "differences" {
			continue
		}
		known.sessions[name] = false
	}
	t.Cleanup(func() { // when all sessions have ended
		for _, complaint := range known.unused() {
			t.Error(complaint)
		}
	})
	for _, name := range longestFirst(known.sessions) {
		t.Run(name, func(t *testing.T) { compareSession(t, name, binary, known) })
	}
}

// longestFirst orders sessions so that no long one runs alone at the end. Sessions in the lab come first.
func longestFirst(sessions map[string]bool) []string {
	length := func(name string) int {
		data, _ := os.ReadFile(filepath.Join(compareDir, name+".txt"))
		if strings.Contains(string(data), "\nlab: ") {
			return 10 * len(data)
		}
		return len(data)
	}
	return slices.SortedFunc(maps.Keys(sessions), func(a, b string) int { return length(b) - length(a) })
}

// requireForCompare skips a test if root or programs are missing. If all tests have to run, it fails the
// test.
func requireForCompare(t *testing.T, what string, programs ...string) {
	t.Helper()
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	if missing == nil {
		return
	}
	text := "NOT COMPARED WITH VIRSH: " + what + ". Missing: " + strings.Join(missing, ", ")
	if os.Getenv("POOLCTL_TEST_ALL") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// poolctlBinary returns the path of the program under test.
func poolctlBinary(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("poolctl")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// compareSession runs one session on both sides, and reports each difference that is not known.
func compareSession(t *testing.T, name, binary string, known *differenceList) {
	file := filepath.Join(compareDir, name+".txt")
	s, err := readSession(file)
	if err != nil {
		t.Fatal(err)
	}
	if s.lab != nil {
		s.needs = append(s.needs, "linux.uml")
	}
	requireForCompare(t, "session "+name, s.needs...)
	// otherwise it may use a resource that the machine has only once
	if len(s.needs) == 0 || s.lab != nil || s.apart {
		t.Parallel()
	}
	dir := t.TempDir()
	if s.lab == nil { // the lab does not see the host's memory directory
		dir = memoryDir(t)
	}
	virsh, poolctl := s.sides(t, dir, binary)
	expected := virshResults(t, name, s, virsh)
	got := poolctl.results(t, s)
	known.ran(name)
	for i, step := range s.steps {
		at := fmt.Sprintf("%s:%d: %s", file, step.line, step.command)
		compareResults(t, at, expected[i], got[i], step, func(d difference) bool {
			return known.has(name, step.command, d)
		})
	}
}

// memoryDir returns a directory in memory, if possible: on ext4 without a journal, creating a file takes
// longer the more files were deleted in the last minutes. The length of the path is constant, because files
// with recorded sizes contain it.
func memoryDir(t *testing.T) string {
	t.Helper()
	var err error
	for _, in := range []string{"/dev/shm", "/tmp"} {
		dir := in + "/poolctl-compare-"
		dir += fmt.Sprintf("%0*d", 40-len(dir), rand.Uint32())
		if err = os.Mkdir(dir, 0o700); err == nil {
			t.Cleanup(func() { os.RemoveAll(dir) })
			return dir
		}
	}
	t.Fatal(err)
	return ""
}

// compareResults reports the differences of a step's results that are not known.
func compareResults(
	t *testing.T, at string, v, p compareResult, step compareStep, known func(difference) bool,
) {
	t.Helper()
	errors := fmt.Sprintf("virsh's errors:\n%spoolctl's errors:\n%s", v.stderr, p.stderr)
	if v.stderr+p.stderr != "" && testing.Verbose() && os.Getenv("POOLCTL_COMPARE") == "live" {
		t.Logf("%s\n%s", at, errors)
	}
	if step.isPreparation() && !v.ok && !p.ok {
		t.Errorf("%s\nthe preparation fails: %s", at, v.stderr)
	}
	var news []string
	virsh, poolctl := v.lines, p.lines
	if !v.ok && !p.ok {
		virsh, poolctl = v.withErrors(), p.withErrors()
	}
	for _, d := range differences(virsh, poolctl) {
		if !known(d) {
			news = append(news, d.String())
		}
	}
	if news != nil {
		t.Errorf("%s\nnot in differences.txt:\n%s\n%s", at, strings.Join(news, "\n"), errors)
	}
}
