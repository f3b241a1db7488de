// Runtests runs the project's tests, several jobs at a time. At the end it prints each failure, with the
// command that runs it alone, what was left out, and the time of each job. It does not stop at the first
// failure. scripts/test installs what the tests need and calls it.
//
// A job is a package on this machine, some tests of a package in a lab (scripts/lab), a fuzz target, or
// scripts/check. scripts/lab.d/tests lists the tests that need a lab, so that labs can start first. At the
// end, each test that reported that it needs the lab must have run in one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// options are the options of scripts/test.
type options struct {
	quick, exhaustive, lab bool
	jobs                   int
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "run what takes seconds")
	flag.BoolVar(&o.exhaustive, "exhaustive", false,
		"run every fault for every pool type, fuzz longer, and use both of the lab's kernels")
	flag.BoolVar(&o.lab, "lab", false, "this machine can run labs")
	flag.IntVar(&o.jobs, "j", runtime.NumCPU()+3, "run so many jobs at the same time")
	flag.Parse()
	passed, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scripts/test:", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

// run runs all jobs, prints the report, and reports whether everything passed.
func run(o options) (bool, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work, err := os.MkdirTemp("", "poolctl-test.")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	jobs, err := plan(ctx, o, work)
	if err != nil {
		return false, err
	}
	results := runAll(ctx, jobs, o.jobs)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return report(os.Stdout, o, results), nil
}
