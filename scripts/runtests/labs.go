package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// labList has one line per lab: a package, a pattern of the tests that run in the lab (or, after !, of those
// that do not), and "release" if the tests need the release's own kernel.
const labList = "scripts/lab.d/tests"

// A labLine is a line of labList.
type labLine struct{ pkg, pattern, kernel string }

func readLabList() ([]labLine, error) {
	text, err := os.ReadFile(labList)
	if err != nil {
		return nil, err
	}
	var lines []labLine
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(line, "#"):
		case len(fields) == 2:
			lines = append(lines, labLine{fields[0], fields[1], ""})
		case len(fields) == 3 && fields[2] == "release":
			lines = append(lines, labLine{fields[0], fields[1], fields[2]})
		default:
			return nil, fmt.Errorf("%s: %q is not: PACKAGE PATTERN [release]", labList, line)
		}
	}
	return lines, nil
}

// labJobs returns one job per lab, and builds the tests that run there, and poolctl. An exhaustive run uses
// each lab with both kernels.
func labJobs(ctx context.Context, o options, work string) ([]job, error) {
	lines, err := readLabList()
	if err != nil {
		return nil, err
	}
	if err := buildLabTests(ctx, lines, work); err != nil {
		return nil, err
	}
	var jobs []job
	for _, line := range lines {
		jobs = append(jobs, line.job(work))
		if o.exhaustive && line.kernel == "" {
			line.kernel = "release"
			jobs = append(jobs, line.job(work))
		}
	}
	return jobs, nil
}

func buildLabTests(ctx context.Context, lines []labLine, work string) error {
	packages := map[string]bool{}
	for _, line := range lines {
		packages["./"+line.pkg] = true
	}
	for _, args := range [][]string{
		append([]string{"test", "-c", "-o", work + "/"}, slices.Sorted(maps.Keys(packages))...),
		{"build", "-o", binaryIn(work)},
	} {
		build := exec.CommandContext(ctx, "go", args...)
		build.Env, build.Stdout, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			return err
		}
	}
	return nil
}

// binaryIn returns the path of poolctl in a directory of built tests.
func binaryIn(work string) string { return filepath.Join(work, "poolctl") }

func (l labLine) job(work string) job {
	pkg := "./" + l.pkg
	j := job{name: "lab: " + l.pkg + " " + l.pattern, pkg: "poolctl/" + l.pkg, lab: true,
		env:   []string{"POOLCTL_TEST_BINARY=" + binaryIn(work)},
		alone: "scripts/lab test " + pkg + " -test.run"}
	j.argv = []string{"go", "tool", "test2json", "-t", "-p", j.pkg,
		"scripts/lab", "test", "-t", labLimit, "-b", filepath.Join(work, filepath.Base(l.pkg)+".test"), pkg,
		"-test.v=test2json"}
	if others, ok := strings.CutPrefix(l.pattern, "!"); ok {
		j.argv = append(j.argv, "-test.skip", others)
	} else {
		j.argv = append(j.argv, "-test.run", l.pattern)
	}
	if l.kernel != "" {
		kernel := "POOLCTL_LAB_KERNEL=" + l.kernel
		j.name, j.env, j.alone = j.name+" ("+l.kernel+")", append(j.env, kernel), kernel+" "+j.alone
	}
	return j
}
