package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// report prints what was left out, the times, the failures and, in the last line, the number of tests. It
// reports whether everything passed.
func report(w io.Writer, o options, results []result) bool {
	printSkipped(w, results, o.lab || o.quick)
	printTimes(w, results)
	missing := 0
	if o.lab && !o.quick {
		missing = printMissingInLab(w, results)
	}
	ok := printFailures(w, results) && missing == 0
	count := map[string]int{}
	for _, r := range results {
		for name, t := range r.tests {
			if !r.isParent(name) {
				count[cmp.Or(t.action, "fail")]++
			}
		}
		if !r.ok() && (r.pkg == "" || len(r.tests) == 0) {
			count["fail"]++
		}
	}
	fmt.Fprintf(w, "tests: %d passed, %d failed, %d skipped\n", count["pass"], count["fail"]+missing,
		count["skip"])
	return ok
}

// isParent reports whether a test has subtests, which are counted in its place.
func (r *result) isParent(name string) bool {
	for other := range r.tests {
		if strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}

var reason = regexp.MustCompile(`(?m)(LEFT OUT|NOT RUN|NOT TESTED|NOT COMPARED|NOT CHECKED|REPLAYED)\b.*`)

// printSkipped prints each reason for which something did not run, and how often. If lab is set, it omits the
// tests that need the lab, because labs run them or --quick leaves them out.
func printSkipped(w io.Writer, results []result, lab bool) {
	reasons := map[string]int{}
	for _, r := range results {
		for _, t := range r.tests {
			for _, line := range reason.FindAllString(t.output.String(), -1) {
				// The quote ends a session's skip line, which the log contains even if the session runs.
				line = strings.TrimSuffix(line, "'")
				if (!lab || !strings.Contains(line, needsLab)) &&
					(t.action == "skip" || strings.HasPrefix(line, "REPLAYED")) {
					reasons[line]++
				}
			}
		}
		for _, line := range reason.FindAllString(r.text, -1) {
			reasons[line]++
		}
	}
	for _, line := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(w, "%s (%d)\n", line, reasons[line])
	}
}

// printTimes prints the slowest jobs and tests. While several jobs run, the processor time is more meaningful
// than the elapsed time.
func printTimes(w io.Writer, results []result) {
	type row struct {
		seconds float64
		name    string
	}
	var jobs, tests []row
	all := 0.0
	for _, r := range results {
		all += r.cpu.Seconds()
		jobs = append(jobs, row{r.took.Seconds(), fmt.Sprintf("%7.1f s  %s", r.cpu.Seconds(), r.name)})
		for name, t := range r.tests {
			if !r.isParent(name) {
				tests = append(tests, row{t.seconds, r.name + " " + name})
			}
		}
	}
	table := func(title string, rows []row, n int) {
		slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(b.seconds, a.seconds) })
		fmt.Fprintln(w, title)
		for _, r := range rows[:min(n, len(rows))] {
			fmt.Fprintf(w, "%7.1f s  %s\n", r.seconds, r.name)
		}
	}
	title := "\nThe jobs, slowest first (elapsed time, and processor time, of which all took %.0f s):"
	table(fmt.Sprintf(title, all), jobs, len(jobs))
	table("\nThe slowest tests:", tests, 20)
	fmt.Fprintln(w)
}

// needsLab is in the output of tests that need a lab (backendtest.NeedsLab).
const needsLab = "POOLCTL_LAB=1"

// printMissingInLab prints the tests that need the lab but ran in none, and returns their number. A test that
// failed in a lab is reported like other failures.
func printMissingInLab(w io.Writer, results []result) int {
	needed, ran := map[string]bool{}, map[string]bool{}
	for _, r := range results {
		for name, t := range r.tests {
			id := strings.TrimPrefix(r.pkg, "poolctl/") + " " + name
			switch {
			case r.lab && t.action != "skip":
				ran[id] = true
			case !r.lab && strings.Contains(t.output.String(), needsLab) && !r.isParent(name):
				needed[id] = true
			}
		}
	}
	missing := 0
	for _, id := range slices.Sorted(maps.Keys(needed)) {
		if !ran[id] {
			missing++
			fmt.Fprintf(w, "FAIL %s needs the lab, and ran in none: is it in %s?\n", id, labList)
		}
	}
	return missing
}

// printFailures prints the output of everything that failed, with the commands that run it alone, and reports
// whether nothing failed.
func printFailures(w io.Writer, results []result) bool {
	ok := true
	for _, r := range results {
		if r.ok() {
			continue
		}
		ok = false
		fmt.Fprintf(w, "==== FAIL %s: %v\n", r.name, r.err)
		again := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(r.tests)) {
			t := r.tests[name]
			if !t.failed() {
				continue
			}
			fmt.Fprint(w, t.output.String())
			again["^"+strings.ReplaceAll(name, "/", "$/^")+"$"] = !r.isParent(name)
		}
		fmt.Fprint(w, r.text)
		printRerun(w, r.job, again)
	}
	return ok
}

// printRerun prints how to run a job again or, if some of its tests failed, only these tests.
func printRerun(w io.Writer, j job, patterns map[string]bool) {
	none := true
	for _, p := range slices.Sorted(maps.Keys(patterns)) {
		if patterns[p] {
			none = false
			fmt.Fprintf(w, "alone: %s '%s'\n", j.alone, p)
		}
	}
	if none {
		fmt.Fprintf(w, "alone: %s\n", strings.TrimSuffix(strings.TrimSuffix(j.alone, " -run"), " -test.run"))
	}
}
