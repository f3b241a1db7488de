package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Limits that end a job which hangs. They are far above what a slow machine needs.
const (
	hostLimit = "60m"
	labLimit  = "3000" // seconds
)

// A job is one command of the run.
type job struct {
	name  string // in the table
	pkg   string // the import path, if the job prints go test's events
	argv  []string
	env   []string // in addition to this process's
	alone string   // the command that runs the job alone, or one test of it if a pattern is appended
	lab   bool
}

// A goPackage is a package in the output of go list.
type goPackage struct {
	ImportPath, Dir                    string
	GoFiles, TestGoFiles, XTestGoFiles []string
}

// short returns the package's name for the report, such as backend/rbd.
func (p goPackage) short() string { return strings.TrimPrefix(p.ImportPath, "poolctl/") }

// plan returns all jobs, the longest first.
func plan(ctx context.Context, o options, work string) ([]job, error) {
	packages, err := testedPackages(ctx)
	if err != nil {
		return nil, err
	}
	jobs := hostJobs(o, packages)
	if o.quick {
		return jobs, nil
	}
	var labs []job
	scripts := []string{"scripts/newer-libvirt"}
	if o.lab {
		if labs, err = labJobs(ctx, o, work); err != nil {
			return nil, err
		}
		scripts = append(scripts, "scripts/release.d/test")
	}
	for _, script := range scripts {
		if o.exhaustive {
			labs = append(labs, job{name: script, argv: []string{script}, alone: script})
		}
	}
	fuzzing, err := fuzzJobs(o, packages)
	check := []job{{name: "scripts/check", argv: []string{"scripts/check"}, alone: "scripts/check"}}
	return slices.Concat(jobs[:len(first)], labs, jobs[len(first):], fuzzing, check), err
}

// testedPackages returns the packages that have tests.
func testedPackages(ctx context.Context) ([]goPackage, error) {
	out, err := exec.CommandContext(ctx, "go", "list",
		"-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, err
		}
		if len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 {
			packages = append(packages, p)
		}
	}
}

// first are the packages with the longest jobs, which take as long as the longest labs.
var first = []string{"commands", "backend/rbd"}

// unraced are tests that run without the race detector, although their packages have goroutines: they move so
// much data, or start so many programs, that the detector would take a third of their time or more.
var unraced = map[string]string{
	"backend/rbd": "^Test(Backend|CopyOnWrite|Diff|Fill|Full|Golden|InUse|Interrupted|" +
		"Objects|Overlay|OwnConfiguration|Refused|Shell|Snapshots|SweepBase)$",
	"backend/host": "^Test(Copy|CopyLarger|DataInShell|Reflink|Resize|Scrub|" +
		"ShellDoesTheSame|Zero|ZeroDevice|ZerosAreOwn)$",
}

// hostJobs returns one job per package for this machine. Packages with goroutines run with the race detector,
// except the tests in unraced, which are a job of their own.
func hostJobs(o options, packages []goPackage) []job {
	rank := func(p goPackage) int {
		if i := slices.Index(first, p.short()); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(packages, func(a, b goPackage) int { return rank(a) - rank(b) })
	var jobs []job
	for _, p := range packages {
		j := job{name: p.short(), pkg: p.ImportPath, alone: "go test ./" + p.short() + " -run",
			env: []string{"CGO_ENABLED=0"}}
		j.argv = []string{"go", "test", "-json", "-count=1", "-timeout=" + hostLimit, "-parallel=4"}
		if !o.quick { // scripts/check vets all packages
			j.argv = append(j.argv, "-vet=off")
		}
		switch {
		case o.quick:
			j.argv = append(j.argv, "-short")
		case p.hasGoroutines():
			if tests := unraced[p.short()]; tests != "" {
				plain := j
				plain.argv = append(slices.Clone(j.argv), "-run="+tests, p.ImportPath)
				jobs = append(jobs, plain)
				j.argv = append(j.argv, "-skip="+tests)
			}
			j.argv, j.env, j.name = append(j.argv, "-race"), []string{"CGO_ENABLED=1"}, j.name+" (race)"
		}
		if !o.lab && p.short() == "commands" {
			sessions := strings.Join(labSessions(), "|")
			j.argv = append(j.argv, "-skip=^TestCompare$/^("+sessions+")$|^TestSystemd$")
		}
		j.argv = append(j.argv, p.ImportPath)
		jobs = append(jobs, j)
	}
	return jobs
}

var startsGoroutine = regexp.MustCompile(`(?m)^\s*go (func\(|[\w.]+\()`)

// hasGoroutines reports whether a package's own code starts goroutines. The package commands does not count:
// the code under test runs in processes of its own, without the detector.
func (p goPackage) hasGoroutines() bool {
	return p.short() != "commands" && slices.ContainsFunc(p.GoFiles, func(name string) bool {
		text, err := os.ReadFile(filepath.Join(p.Dir, name))
		return err == nil && startsGoroutine.Match(text)
	})
}

// labSessions returns the sessions of the comparison with virsh that run in a lab.
func labSessions() []string {
	files, _ := filepath.Glob("testdata/compare/*.txt")
	var names []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte("\nlab: ")) {
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".txt"))
		}
	}
	return names
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzzJobs returns one job per fuzz target. Each tries a fixed number of inputs, because fuzzing for a fixed
// time sometimes fails at its end (golang/go#75804).
func fuzzJobs(o options, packages []goPackage) ([]job, error) {
	inputs := "2000x"
	if o.exhaustive {
		inputs = "2000000x"
	}
	var jobs []job
	for _, p := range packages {
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			for _, m := range fuzzTarget.FindAllSubmatch(text, -1) {
				target := "^" + string(m[1]) + "$"
				argv := []string{"go", "test", "-vet=off", p.ImportPath, "-run=^$", "-fuzz=" + target,
					"-fuzztime=" + inputs, "-parallel=2"}
				jobs = append(jobs, job{name: p.short() + " " + string(m[1]), argv: argv,
					alone: strings.Join(argv, " ")})
			}
		}
	}
	return jobs, nil
}
