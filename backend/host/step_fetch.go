package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"poolctl/backend/fault"
	"poolctl/backend/host/retry"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// A Fetch downloads the data of a URL to a file with curl(1). What has been received when it fails stays in
// the file.
type Fetch struct {
	Command  Command // curl with the URL; it writes to its standard output
	To       *KeptFile
	Resume   bool   // continue behind the data in the file, if the server can do that
	Limit    uint64 // at most this many bytes
	Progress Progress
}

// Shell implements Step.
func (f Fetch) Shell() string {
	line := f.Command.Shell()
	if f.Resume {
		line += " --continue-at -"
	}
	return line + " --output " + shell.Quote(f.To.Path)
}

// curl's exit statuses (curl(1)).
const (
	curlHTTPError = 22 // the server reports an error: 416 means that nothing is left to send
	curlNoRange   = 33 // the server cannot send a part
)

func (f Fetch) apply(ctx context.Context, l *Local) error {
	from := int64(0)
	if f.Resume {
		size, err := sparse.Size(f.To.file)
		if err != nil {
			return err
		}
		from = size
	}
	err := f.receive(ctx, l, from)
	exit, failed := errors.AsType[*ExitError](err)
	if from > 0 && failed && (exit.Status == curlNoRange || exit.Status == curlHTTPError) {
		return f.receive(ctx, l, 0)
	}
	return err
}

// receive writes the data from an offset on behind the first bytes of the file.
func (f Fetch) receive(ctx context.Context, l *Local, from int64) error {
	if err := f.To.file.Truncate(from); err != nil {
		return err
	}
	headers, toHeaders, err := os.Pipe()
	if err != nil {
		return err
	}
	defer headers.Close()
	in, out, err := os.Pipe()
	if err != nil {
		toHeaders.Close()
		return err
	}
	c := f.Command
	c.stdout, c.files = out, []*os.File{toHeaders}
	c.Args = append(c.Args[:len(c.Args):len(c.Args)], "--dump-header", "/dev/fd/3")
	if from > 0 {
		c.Args = append(c.Args, "--continue-at", strconv.FormatInt(from, 10))
	}
	var total atomic.Int64
	go readLength(headers, &total)
	ended := l.startPiped(ctx, c, out, in)
	err = f.write(in, from, &total)
	endErr := ended()
	toHeaders.Close()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	}
	return endErr
}

// write writes a stream to the file from an offset on. total is how many bytes the server has announced, or
// 0.
func (f Fetch) write(in *os.File, at int64, total *atomic.Int64) error {
	buffer, begin := make([]byte, sparse.StreamBuffer), at
	for {
		n, err := in.Read(buffer)
		all := total.Load()
		if all > 0 {
			all += begin
		}
		if uint64(max(at+int64(n), all)) > f.Limit {
			return &TooLargeError{f.Limit}
		}
		if _, err := f.To.file.WriteAt(buffer[:n], at); err != nil {
			return err
		}
		at += int64(n)
		f.Progress.Report(at, all)
		if err != nil {
			return errors.Join(sparse.NotEOF(err), retry.Fsync(int(f.To.file.Fd())))
		}
	}
}

// readLength sets total to the length that the headers of the last of several answers announce.
func readLength(headers io.Reader, total *atomic.Int64) {
	lines := bufio.NewScanner(headers)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch {
		case strings.HasPrefix(name, "HTTP/"):
			total.Store(0)
		case strings.EqualFold(name, "Content-Length"):
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 63); err == nil && n >= 0 {
				total.Store(n)
			}
		}
	}
	_, _ = io.Copy(io.Discard, headers) // an endless line must not block curl
}

// A TooLargeError reports that data from a server, or unpacked data, exceed a limit.
type TooLargeError struct{ Limit uint64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("there are more than %d bytes", e.Limit) }

// Kind implements [fault.Error].
func (*TooLargeError) Kind() fault.Kind { return fault.State }

// HintLine implements [fault.Hinter].
func (*TooLargeError) HintLine() string { return "vol-fetch --max-size allows more" }
