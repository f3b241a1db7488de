package commands

import (
	"bufio"
	"context"
	"io"
	"os"

	"golang.org/x/term"

	"poolctl/format"
)

// streams are where a verb prints. People get everything through format.Text. No other file of this package
// uses os.Stdout or os.Stderr (.golangci.yaml).
type streams struct {
	data    *bufio.Writer // standard output, for programs
	people  *format.Text  // the same, for people
	results io.Writer     // the same, for either: what people see on a terminal
	stderr  *format.Text  // for people
}

func newStreams(ctx context.Context) streams {
	data := bufio.NewWriterSize(stream{ctx, os.Stdout}, 1<<16)
	s := streams{data: data, people: format.NewText(data), results: data, stderr: format.NewText(stream{ctx, os.Stderr})}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		s.results = s.people
	}
	return s
}

// flush prints what waits in buffers of standard output.
func (s *streams) flush() error {
	if err := s.people.Flush(); err != nil {
		return err
	}
	return s.data.Flush()
}

// rawOutput is standard output for the data of a volume, which would garble a terminal.
func rawOutput() (file *os.File, isTerminal bool) {
	return os.Stdout, term.IsTerminal(int(os.Stdout.Fd()))
}

// meterOutput is standard error for a line that is drawn over the last one. No name is in it.
func meterOutput(ctx context.Context) io.Writer { return stream{ctx, os.Stderr} }

// watched reports whether somebody sees standard error at a terminal.
func watched() bool { return term.IsTerminal(int(os.Stderr.Fd())) }
