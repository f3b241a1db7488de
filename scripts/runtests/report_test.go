package main

import (
	"errors"
	"strings"
	"testing"
)

// events are the events of a package in which one test passed, one failed and one needs the lab.
const events = `{"Action":"run","Test":"TestA"}
{"Action":"output","Test":"TestA/x","Output":"x fails\n"}
{"Action":"fail","Test":"TestA/x","Elapsed":2.5}
{"Action":"pass","Test":"TestA/y","Elapsed":1}
{"Action":"fail","Test":"TestA","Elapsed":3.5}
{"Action":"output","Test":"TestB","Output":"NOT RUN: B: it needs the lab (scripts/lab, POOLCTL_LAB=1)\n"}
{"Action":"skip","Test":"TestB"}
{"Action":"output","Test":"TestC","Output":"    LEFT OUT with --quick: C\n"}
{"Action":"skip","Test":"TestC"}
{"Action":"output","Output":"FAIL\n"}
this is no event
`

func onHost() result {
	r := result{job: job{name: "p", pkg: "poolctl/p", alone: "go test ./p -run"},
		err: errors.New("exit status 1")}
	r.read(events)
	return r
}

func inLab(text string) result {
	r := result{job: job{name: "lab: p", pkg: "poolctl/p", lab: true,
		alone: "scripts/lab test ./p -test.run"}}
	r.read(text)
	return r
}

func TestReport(t *testing.T) {
	passedInLab := inLab(`{"Action":"pass","Test":"TestB"}` + "\n")
	for name, c := range map[string]struct {
		results         []result
		ok              bool
		printed, absent []string
	}{
		"a failure": {[]result{onHost(), passedInLab}, false,
			[]string{"x fails\n", "this is no event\n", "alone: go test ./p -run '^TestA$/^x$'\n",
				"LEFT OUT with --quick: C (1)\n", "    2.5 s  p TestA/x\n", "\ntests: 2 passed, 1 failed, 2 skipped\n"},
			[]string{"'^TestA$'", "NOT RUN"}},
		"in no lab": {[]result{inLab(""), onHost()}, false, []string{"FAIL p TestB needs the lab"}, nil},
		"in a lab, it fails": {[]result{inLab(`{"Action":"fail","Test":"TestB"}` + "\n"), onHost()}, false,
			[]string{"alone: scripts/lab test ./p -test.run '^TestB$'\n",
				"\ntests: 1 passed, 2 failed, 2 skipped\n"}, []string{"FAIL p TestB needs the lab"}},
		"no tests ran": {[]result{inLab("")}, false,
			[]string{"==== FAIL lab: p", "alone: scripts/lab test ./p\n", "tests: 0 passed, 1 failed"}, nil},
		"all is well": {[]result{passedInLab}, true, []string{"tests: 1 passed, 0 failed, 0 skipped\n"},
			[]string{"FAIL"}},
		"it did not end": {[]result{inLab(`{"Action":"output","Test":"TestZ","Output":"panic"}`)}, false, []string{"panic", "1 failed"}, nil},
		"it is no test":  {[]result{{job: job{name: "check"}}}, true, []string{"check"}, []string{"FAIL"}},
		"its check fails": {[]result{{job: job{name: "check", alone: "scripts/check"}, err: errors.New("no"),
			text: "why\n"}}, false, []string{"why\nalone: scripts/check\n"}, nil},
	} {
		var out strings.Builder
		if ok := report(&out, options{lab: true}, c.results); ok != c.ok {
			t.Errorf("%s: got ok %v\n%s", name, ok, &out)
		}
		for _, text := range c.printed {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: %q is missing in\n%s", name, text, &out)
			}
		}
		for _, text := range c.absent {
			if strings.Contains(out.String(), text) {
				t.Errorf("%s: %q is in\n%s", name, text, &out)
			}
		}
	}
}

// TestReportWithoutLab reports tests that need a lab on a machine without labs.
func TestReportWithoutLab(t *testing.T) {
	var out strings.Builder
	report(&out, options{}, []result{onHost()})
	want := "NOT RUN: B: it needs the lab (scripts/lab, POOLCTL_LAB=1) (1)\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("%q is missing in\n%s", want, &out)
	}
}

// TestPlan compares the jobs with their sources. Its working directory is the project's.
func TestPlan(t *testing.T) {
	t.Chdir("../..")
	lines, err := readLabList()
	if err != nil || len(lines) < 10 {
		t.Fatalf("%d lines, error %v", len(lines), err)
	}
	packages, err := testedPackages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, j := range hostJobs(options{lab: true}, packages) {
		names[j.name] = true
	}
	for _, name := range []string{"commands", "backend/host", "backend/host (race)", "backend/dir",
		"scripts/runtests (race)"} {
		if !names[name] {
			t.Errorf("job %s is missing", name)
		}
	}
	fuzzing, err := fuzzJobs(options{}, packages)
	if err != nil || len(fuzzing) < 10 {
		t.Errorf("%d fuzz targets, error %v", len(fuzzing), err)
	}
	if len(labSessions()) < 10 {
		t.Errorf("got sessions %v", labSessions())
	}
}
