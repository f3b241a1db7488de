// Runtests runs the project's tests, several jobs at a time, and prints at the end what failed, how to run each failure alone, what was
// left out, and how long each job took. It never stops at the first failure. scripts/test installs what the tests need and calls it.
//
// A job is a package on this machine, some tests of a package in a lab (scripts/lab), a fuzz target, or scripts/check. Which tests need a
// lab stands in scripts/lab.d/tests, so that labs start with everything else; at the end, each test that said it needs the lab must have
// run in one.
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

// options are the choices of scripts/test.
type options struct {
	quick, exhaustive, lab bool
	jobs                   int
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "run what takes seconds")
	flag.BoolVar(&o.exhaustive, "exhaustive", false, "run every fault for every pool type, fuzz longer, and use both of the lab's kernels")
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

// run runs all jobs, prints the report, and reports whether all is well.
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
