package terminal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"poolctl/backend"
	"poolctl/backend/host"
)

// CanAsk reports whether standard input is a terminal.
func CanAsk() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// Ask prints a question on standard error and reads a line from stdin.
func (o *Output) Ask(ctx context.Context, stdin io.Reader, question string) (string, error) {
	fmt.Fprint(o.Stderr, question)
	return backend.Await(ctx, func() (string, error) { return bufio.NewReader(stdin).ReadString('\n') })
}

// AskSecret prints a question on standard error and reads a line from the terminal without echo. The echo is
// restored even if a signal ends ctx.
func (o *Output) AskSecret(ctx context.Context, question string) ([]byte, error) {
	restore, err := host.HideTyping(os.Stdin)
	if err != nil {
		return nil, err
	}
	defer restore()
	fmt.Fprint(o.Stderr, question)
	defer fmt.Fprintln(o.Stderr)
	return backend.Await(ctx, typedLine)
}

// typedLine reads a line from the terminal. A read from a terminal returns at most one line.
func typedLine() (line []byte, err error) {
	part := make([]byte, 4096) // the longest line of a terminal (termios(3))
	for err == nil && !bytes.HasSuffix(line, []byte("\n")) {
		var n int
		n, err = os.Stdin.Read(part)
		line = append(line, part[:n]...)
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return bytes.TrimSuffix(line, []byte("\n")), err
}
