package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// startPiped starts a command that has one end of a pipe, as its standard input or output, and returns what waits until it has ended. When
// ctx ends, the other end is closed: the command notices, and lets go of what it has open. One that does not is ended.
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

// isBrokenPipe tells whether writing to a program has failed because it has ended, which it explains itself.
func isBrokenPipe(err error) bool { return errors.Is(err, unix.EPIPE) }

// endedByItself returns what a program has said, if it has ended by itself.
func endedByItself(err error) bool {
	return errors.As(err, new(*ExitError)) || errors.As(err, new(*ToolError))
}

// shellPrintf is how printf(1) writes any bytes.
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
