package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A result is the result of a job.
type result struct {
	job
	took  time.Duration
	cpu   time.Duration // of all its processes
	err   error
	text  string           // output that belongs to no test
	tests map[string]*test // by name
}

// A test is the result of a test or subtest.
type test struct {
	action  string // pass, fail, skip; empty: it did not end
	seconds float64
	output  strings.Builder
}

// runAll runs jobs in order, n at a time, and prints a line for each one that ends.
func runAll(ctx context.Context, jobs []job, n int) []result {
	results := make([]result, len(jobs))
	slots, ended := make(chan struct{}, n), make(chan int)
	go func() {
		for i, j := range jobs {
			slots <- struct{}{}
			go func() {
				results[i] = j.run(ctx)
				<-slots
				ended <- i
			}()
		}
	}()
	for range jobs {
		r := results[<-ended]
		verdict := "ok  "
		if !r.ok() {
			verdict = "FAIL"
		}
		if ctx.Err() == nil {
			fmt.Printf("%s %7.1f s  %s\n", verdict, r.took.Seconds(), r.name)
		}
	}
	return results
}

// run runs a job in its own process group, which is terminated when ctx ends.
func (j job) run(ctx context.Context) result {
	r := result{job: j}
	if r.err = ctx.Err(); r.err != nil {
		return r
	}
	cmd := exec.CommandContext(ctx, j.argv[0], j.argv[1:]...)
	cmd.Env = append(os.Environ(), j.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	r.err = cmd.Run()
	r.took = time.Since(begin)
	if cmd.ProcessState != nil {
		r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	r.read(out.String())
	return r
}

// read parses a job's output: go test's events, and other lines.
func (r *result) read(out string) {
	var text strings.Builder
	r.tests = map[string]*test{}
	for line := range strings.Lines(out) {
		var e struct {
			Action, Test, Output string
			Elapsed              float64
		}
		if r.pkg == "" || json.Unmarshal([]byte(line), &e) != nil {
			text.WriteString(line)
			continue
		}
		if e.Test == "" {
			text.WriteString(e.Output)
			continue
		}
		t := r.tests[e.Test]
		if t == nil {
			t = &test{}
			r.tests[e.Test] = t
		}
		switch e.Action {
		case "output":
			t.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			t.action, t.seconds = e.Action, e.Elapsed
		}
	}
	r.text = text.String()
}

// failed reports whether a test failed or did not end.
func (t *test) failed() bool { return t.action != "pass" && t.action != "skip" }

// ok reports whether a job succeeded. A job of tests must also have run some, without a failure.
func (r *result) ok() bool {
	for _, t := range r.tests {
		if t.failed() {
			return false
		}
	}
	return r.err == nil && (r.pkg == "" || len(r.tests) > 0)
}
