package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

func (c Command) apply(ctx context.Context, l *Local) error {
	_, err := l.retry(ctx, c, killAfter, retryFor)
	return err
}

// killAfter is how long a command and its children may take to end after SIGTERM. Tests shorten it.
var killAfter = 5 * time.Second

// retryFor is how long a change whose command fails temporarily (Command.RetryOn) is retried; a query is
// retried for a second. Tests shorten it.
var retryFor = 20 * time.Second

// Query implements Host. The error is a ToolError if the program is not installed, and an ExitError if it
// fails. When ctx ends, the command and its children receive SIGTERM, and after a second SIGKILL; the error
// is then ctx's. A command that succeeds while a child of it continues, such as a daemon, has succeeded.
func (l *Local) Query(ctx context.Context, c Command) ([]byte, error) {
	return l.retry(ctx, c, min(killAfter, time.Second), min(retryFor, time.Second))
}

// retry runs a command until it does not fail temporarily, or until limit has passed. patience is the time
// between SIGTERM and SIGKILL.
func (l *Local) retry(ctx context.Context, c Command, patience, limit time.Duration) ([]byte, error) {
	for begin := time.Now(); ; {
		out, err := l.run(ctx, c, patience)
		exit, ok := errors.AsType[*ExitError](err)
		if time.Since(begin) > limit || c.RetryOn == "" || !ok ||
			!strings.Contains(exit.Stderr, c.RetryOn) {
			return out, err
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // a varying point of the kernel's tick
	}
}

// run runs a command once.
func (l *Local) run(ctx context.Context, c Command, patience time.Duration) ([]byte, error) {
	path, err := lookTool(c.Name)
	if err != nil {
		return nil, err
	}
	asked := ctx
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	cmd := exec.CommandContext(ctx, path, c.Args...)
	dir, leave, err := l.workDir(c.Dir)
	if err != nil {
		return nil, err
	}
	defer leave()
	cmd.Dir = dir
	cmd.Env = environment(c.Variables...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches only poolctl, which ends the command
	group := func(s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
	cmd.Cancel = func() error { return group(syscall.SIGTERM) }
	cmd.WaitDelay = patience // children that hold its output count, too
	most := cmp.Or(c.MaxOutput, maxOutput)
	stdout, stderr := &cappedBuffer{room: most}, &cappedBuffer{room: maxStderr, truncates: true}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = stdout, stderr, c.files
	c.connect(cmd)
	opened, err := c.openInputs(l)
	defer closeAll(opened)
	if err != nil {
		return nil, err
	}
	for _, in := range c.Inputs {
		cmd.ExtraFiles = append(cmd.ExtraFiles, in.Open)
	}
	stdout.onFull = func() { end(fmt.Errorf("its output exceeds %d bytes", most)) }
	if c.Confined != nil && l.Unconfined != nil && landlockRights() == 0 {
		l.Unconfined(c)
	}
	if err = c.start(cmd); err == nil {
		if c.EndIfIdle && l.IdleLimit > 0 {
			defer endIfIdle(cmd.Process.Pid, l.IdleLimit, end)()
		}
		err = wait(ctx, cmd, patience+time.Second)
	}
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil && c.FailOnStderr && len(stderr.kept) > 0:
		return stdout.kept, &ExitError{Command: c, Stderr: c.filterStderr(string(stderr.kept))}
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil:
		return stdout.kept, nil
	case ctx.Err() != nil:
		if cmd.Process != nil {
			_ = group(syscall.SIGKILL)
		}
		return nil, fmt.Errorf("%s: %w", c.Name, cmp.Or(asked.Err(), context.Cause(ctx)))
	case failed:
		return stdout.kept, &ExitError{Command: c, Status: exit.ExitCode(),
			Signal: exit.Sys().(syscall.WaitStatus).Signal(), Stderr: c.filterStderr(string(stderr.kept))}
	}
	return nil, err
}

// connect connects the command's standard input and output if they are not the buffers of run.
func (c Command) connect(cmd *exec.Cmd) {
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin + "\n")
	}
	if c.OnOutput != nil {
		cmd.Stdout = writerFunc(c.OnOutput)
	}
	if c.stdin != nil {
		cmd.Stdin = c.stdin
	}
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
}

// openInputs opens the inputs that are not open. It returns those files, which the caller closes even after
// an error.
func (c *Command) openInputs(l *Local) (opened []*os.File, err error) {
	c.Inputs = slices.Clone(c.Inputs)
	for i := range c.Inputs {
		if in := &c.Inputs[i]; in.Open == nil {
			if in.Open, err = in.open(l); err != nil {
				return opened, err
			}
			opened = append(opened, in.Open)
		}
	}
	return opened, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// start starts a prepared command with its restrictions.
func (c Command) start(cmd *exec.Cmd) error {
	switch {
	case c.ReadOnly:
		return startRestricted(forbidWriting, cmd.Start)
	case c.Confined == nil:
		return cmd.Start()
	}
	var given, writable []*os.File
	for _, in := range c.Inputs {
		switch {
		case in.Write:
			writable = append(writable, in.Open)
		case in.Open != nil:
			given = append(given, in.Open)
		}
	}
	restrict := func() error { return confine(c.Confined, cmd.Path, cmd.Dir, given, writable) }
	return startRestricted(restrict, cmd.Start)
}

// filterStderr returns what the command printed on standard error. It leaves out complaints of a ReadOnly
// command that it may not write.
func (c Command) filterStderr(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return c.ReadOnly && strings.Contains(line, "Permission denied")
	})
	return strings.Join(lines, "\n")
}

// wait waits for a command to end. It gives up on a command that SIGKILL does not end, because the command
// waits in the kernel for a server that is gone.
func wait(ctx context.Context, cmd *exec.Cmd, patience time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		return ctx.Err()
	}
}
