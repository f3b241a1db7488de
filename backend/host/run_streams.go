package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// Streams are the standard streams of a program that works for the user. In may be nil: /dev/null.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// RunStreams runs a program in the user's environment and returns its exit status, or an error if it could
// not be started or was ended by a signal. When ctx ends, the program receives SIGTERM; the error is then
// ctx's.
func RunStreams(ctx context.Context, argv []string, s Streams) (status int, err error) {
	path, err := lookTool(argv[0])
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, path, argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.In, s.Out, s.Err
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() && ctx.Err() == nil {
		return exit.ExitCode(), nil
	}
	if err != nil && ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", argv[0], err)
	}
	return 0, nil
}
