package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// startPiped starts a command that has one end of a pipe as its standard input or output. ended waits until
// the command has ended. When ctx ends, our end of the pipe is closed, so that the command notices and closes
// what it has open. If it does not end, it is killed.
func (l *Local) startPiped(ctx context.Context, c Command, its, ours *os.File) (ended func() error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	notice := context.AfterFunc(ctx, func() {
		_ = ours.SetDeadline(time.Now())
		time.AfterFunc(killAfter, stop)
	})
	result := make(chan error, 1)
	go func() {
		_, err := l.run(running, c, killAfter)
		its.Close()
		result <- err
	}()
	return func() error {
		ours.Close()
		err := <-result
		notice()
		stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
}

// isBrokenPipe reports whether writing to a program failed because it has ended. The program's own error
// explains why.
func isBrokenPipe(err error) bool { return errors.Is(err, unix.EPIPE) }

// endedByItself reports whether an error is about a program that failed, or that could not be started.
func endedByItself(err error) bool {
	return errors.As(err, new(*ExitError)) || errors.As(err, new(*ToolError))
}

// shellPrintf returns a printf(1) command that prints any bytes.
func shellPrintf(b []byte) string {
	var text bytes.Buffer
	for _, c := range b {
		if c >= ' ' && c < 0x7f && c != '\\' && c != '%' && c != '\'' {
			text.WriteByte(c)
			continue
		}
		text.WriteString(`\` + string([]byte{'0' + c>>6, '0' + c>>3&7, '0' + c&7}))
	}
	return "printf '" + text.String() + "'"
}
