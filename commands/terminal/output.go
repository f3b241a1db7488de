// Package terminal prints what people see and asks them questions.
//
// An [Output] has one writer for each kind of output: data for programs, text for people, results for either,
// and standard error. Text for people passes through [format.Text], which escapes characters that a terminal
// would obey. This package alone uses os.Stdout and os.Stderr (.golangci.yaml).
//
// [Sentence] and [Lines] turn errors into text. [Output.Progress] shows how far a long operation is.
// [Output.Ask] and [Output.AskSecret] read answers.
package terminal

import (
	"bufio"
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"poolctl/backend"
	"poolctl/format"
)

// An Output is where a verb prints. Writes that block, because the reader of a pipe does not read, end with
// the context that New was given.
type Output struct {
	Data    *bufio.Writer // standard output, for programs
	People  *format.Text  // standard output, for people
	Results io.Writer     // People if standard output is a terminal, otherwise Data
	Stderr  *format.Text  // standard error, for people

	Quiet  bool // print no sentences, headers or progress
	DryRun bool // nothing happens, so print no sentences or progress
	Debug  bool // standard error has a trace, so print no progress

	ctx   context.Context
	spoke bool // something was printed for people, so that Finish prints an empty line, as virsh does
}

// New returns the output of a process. Writes wait for a slow reader until ctx ends.
func New(ctx context.Context) *Output {
	data := bufio.NewWriterSize(stream{ctx, os.Stdout}, 1<<16)
	o := &Output{Data: data, People: format.NewText(data), Results: data, ctx: ctx}
	var stderr io.Writer = stream{ctx, os.Stderr}
	if isJournal(os.Stderr) {
		stderr = &journal{to: stderr}
	}
	o.Stderr = format.NewText(stderr)
	if term.IsTerminal(int(os.Stdout.Fd())) {
		o.Results = o.People
	}
	return o
}

// Finish ends the output of a verb. After success it prints the empty line that virsh prints after text for
// people.
func (o *Output) Finish(success bool) error {
	if o.spoke && success && !o.Quiet {
		_, _ = io.WriteString(o.People, "\n")
	}
	return o.Flush()
}

// Flush writes what was printed to standard output, before something that may take long.
func (o *Output) Flush() error {
	if err := o.People.Flush(); err != nil {
		return err
	}
	return o.Data.Flush()
}

// Raw returns standard output for the data of a volume, and whether it is a terminal, which such data would
// garble.
func Raw() (file *os.File, isTerminal bool) {
	return os.Stdout, term.IsTerminal(int(os.Stdout.Fd()))
}

// IsWatched reports whether standard error is a terminal.
func IsWatched() bool { return term.IsTerminal(int(os.Stderr.Fd())) }

// A stream is standard output or standard error. A Write that blocks ends with ctx.
type stream struct {
	ctx  context.Context
	file *os.File
}

// Write implements io.Writer.
func (s stream) Write(text []byte) (int, error) {
	if s.ctx.Err() != nil {
		return s.writeNow(text)
	}
	return backend.Await(s.ctx, func() (int, error) { return s.file.Write(text) })
}

// writeNow writes as much as the file accepts without blocking. It bypasses the os.File, because a Write that
// blocks holds the lock of the os.File.
func (s stream) writeNow(text []byte) (done int, err error) {
	const atOnce = 512 // a pipe that is ready accepts as much without blocking (PIPE_BUF of POSIX)
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
