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

// A record is what virsh has come to in a session: testdata/compare/virsh/SESSION.txt. Sessions that need no
// program besides are compared with it unless POOLCTL_COMPARE is live, as scripts/compare and scripts/test
// --exhaustive set it. With UPDATE=1 that writes it.
type record struct {
	file  string
	about string // the first line: the versions of virsh and, in the lab, of its kernel, and the session
	lines []string
}

// recordOf returns the record of a session as it is now, empty.
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
	return &record{file: filepath.Join(compareDir, "virsh", name+".txt"), about: fmt.Sprintf("%s, session %x", about, session.Sum(nil))}
}

// kernelSeries is that of the lab's kernel, such as 7.2: another one may have other options of mounts.
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

// read returns the results of the session's steps, nil if they are of another session, of another virsh, or
// not there.
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

// add takes the result of a step.
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

// virshResults returns what virsh comes to in a session.
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
		t.Logf("virsh runs: %s is of another session, virsh or kernel, or not there; UPDATE=1 scripts/compare %s writes it anew", r.file, name)
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
