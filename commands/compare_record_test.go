package commands_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A record is the result of virsh in a session: testdata/compare/virsh/SESSION.txt. Sessions that need no
// additional program are compared with their record, unless POOLCTL_COMPARE is live, as scripts/compare and
// scripts/test --exhaustive set it. With UPDATE=1 a live run writes the record.
type record struct {
	file  string
	about string // the first line: versions of virsh, of the lab's kernel, and of the session
	lines []string
}

// recordOf returns an empty record for the current version of a session.
func recordOf(t *testing.T, name string, s *compareScript) *record {
	t.Helper()
	virsh, err := exec.Command("virsh", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	session := sha256.New()
	for _, file := range []string{name + ".txt", "side.bash"} {
		data, err := os.ReadFile(filepath.Join(compareDir, file))
		if err != nil {
			t.Fatal(err)
		}
		session.Write(data)
	}
	about := "virsh " + strings.TrimSpace(string(virsh))
	if s.lab != nil {
		about += ", Linux " + kernelSeries(t, s)
	}
	return &record{
		file:  filepath.Join(compareDir, "virsh", name+".txt"),
		about: fmt.Sprintf("%s, session %x", about, session.Sum(nil)),
	}
}

// kernelSeries returns the series of the lab's kernel, such as 7.2. Another series may have other mount
// options.
func kernelSeries(t *testing.T, s *compareScript) string {
	t.Helper()
	kernel := exec.Command("../scripts/lab.d/kernel", "version")
	kernel.Env = append(os.Environ(), "POOLCTL_LAB_KERNEL="+s.kernel())
	out, err := kernel.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(regexp.MustCompile(`^\d+\.\d+`).Find(out))
}

// read returns the recorded results of the session's steps, or nil if the file is missing or belongs to
// another version of the session or of virsh.
func (r *record) read(steps int) []compareResult {
	data, err := os.ReadFile(r.file)
	about, rest, _ := strings.Cut(string(data), "\n")
	if err != nil || about != r.about {
		return nil
	}
	var results []compareResult
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "$ ") {
			results = append(results, compareResult{})
			continue
		}
		last := &results[len(results)-1]
		if text, isError := strings.CutPrefix(line, "error|"); isError {
			last.stderr += text
			continue
		}
		last.lines = append(last.lines, strings.TrimSuffix(line, "\n"))
		last.ok = last.lines[0] == "succeeded"
	}
	if len(results) != steps {
		return nil
	}
	return results
}

// add appends the result of a step.
func (r *record) add(step compareStep, result compareResult) {
	r.lines = append(r.lines, "$ "+step.command)
	r.lines = append(r.lines, result.lines...)
	for line := range strings.Lines(result.stderr) {
		r.lines = append(r.lines, "error|"+strings.TrimSuffix(line, "\n"))
	}
}

func (r *record) write(t *testing.T) {
	t.Helper()
	writeFile(t, r.file, r.about+"\n"+strings.Join(r.lines, "\n")+"\n")
}

// virshResults returns virsh's results in a session, from the record if possible.
func virshResults(t *testing.T, name string, s *compareScript, virsh *compareSide) []compareResult {
	t.Helper()
	if s.lab == nil && len(s.needs) > 0 {
		return virsh.results(t, s)
	}
	r, live := recordOf(t, name, s), os.Getenv("POOLCTL_COMPARE") == "live"
	if !live {
		if results := r.read(len(s.steps)); results != nil {
			return results
		}
		t.Logf("virsh runs: %s is missing or belongs to another version of the session, virsh or kernel; "+
			"UPDATE=1 scripts/compare %s rewrites it", r.file, name)
	}
	results := virsh.results(t, s)
	if live && os.Getenv("UPDATE") != "" {
		for i, step := range s.steps {
			r.add(step, results[i])
		}
		r.write(t)
	}
	return results
}
