package commands

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signals returns a context that the first signal ends which asks a program to end: a verb then undoes what
// it has begun. A second one ends the process at once. SIGHUP is left alone where it is ignored, as below
// nohup(1).
func Signals() context.Context {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	return ctx
}

// await does what may have to wait for others, such as whoever has the other end of a pipe, until a signal
// ends the verb.
func await[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// A stream is standard output or standard error. What is written there waits for whoever reads it, until a
// signal ends the verb.
type stream struct {
	ctx  context.Context
	file *os.File
}

// Write implements io.Writer.
func (s stream) Write(text []byte) (int, error) {
	if s.ctx.Err() != nil {
		return s.writeNow(text)
	}
	return await(s.ctx, func() (int, error) { return s.file.Write(text) })
}

// writeNow writes as much as there is room for. A Write that waits holds the lock of the os.File, so it does
// without that.
func (s stream) writeNow(text []byte) (done int, err error) {
	const atOnce = 512 // there is room for that in a pipe that has any (PIPE_BUF of POSIX)
	for fd := int(s.file.Fd()); done < len(text) && err == nil; {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, _ := unix.Poll(ready, 0); n <= 0 {
			return done, s.ctx.Err()
		}
		var n int
		n, err = unix.Write(fd, text[done:min(done+atOnce, len(text))])
		done += max(n, 0)
	}
	return done, err
}
