package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"poolctl/backend/host/safeopen"

	"golang.org/x/sys/unix"
)

// A ExtentCodec is how a program takes a volume's data from a pipe, or gives them: as pieces, each with its place.
type ExtentCodec interface {
	// Begin and End stand around the pieces.
	Begin() []byte
	End() []byte
	// Data stands in front of so many bytes of data, Zeros for so many zeros.
	Data(offset, length uint64) []byte
	Zeros(offset, length uint64) []byte
	// Next reads up to the next piece and returns where it is; if it has data, they follow. io.EOF is behind the last.
	Next(r io.Reader) (offset, length uint64, hasData bool, err error)
}

// piece is how much data is sent at a time: what Ceph's objects have, for one.
const piece = 4 << 20

// smallest is the least of zeros that is not sent as data.
const smallest = 1 << 16

// A extentWriter writes pieces to a program.
type extentWriter struct {
	to       *os.File
	format   ExtentCodec
	each     func(ctx context.Context, at int64, b []byte) error // in place of these
	shift    int64                                               // from where a piece is read to where it belongs
	sparse   bool                                                // blocks of zeros are sent as such
	progress Progress

	done, total int64
}

func (s *extentWriter) begin() error { return s.write(s.format.Begin()) }

func (s *extentWriter) end() error { return s.write(s.format.End()) }

func (s *extentWriter) write(b []byte) error {
	_, err := s.to.Write(b)
	return err
}

// data sends what was read at a place.
func (s *extentWriter) data(ctx context.Context, at int64, b []byte) error {
	if !s.sparse {
		return s.piece(ctx, at, b)
	}
	_, err := eachRun(b, s.smallest(), func(from, to int, zero bool) (int, error) {
		if zero {
			return 0, s.zeros(ctx, at+int64(from), int64(to-from))
		}
		return 0, s.piece(ctx, at+int64(from), b[from:to])
	})
	return err
}

func (s *extentWriter) piece(ctx context.Context, at int64, b []byte) error {
	if len(b) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	if s.each != nil {
		return s.count(int64(len(b)), s.each(ctx, at+s.shift, b))
	}
	err := s.write(s.format.Data(uint64(at+s.shift), uint64(len(b))))
	if err == nil {
		err = s.write(b)
	}
	return s.count(int64(len(b)), err)
}

func (s *extentWriter) zeros(ctx context.Context, at, length int64) error {
	if length <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	if s.each != nil {
		return s.count(length, nil)
	}
	return s.count(length, s.write(s.format.Zeros(uint64(at+s.shift), uint64(length))))
}

func (s *extentWriter) count(n int64, err error) error {
	if err == nil {
		s.done += n
		s.progress.tell(s.done, s.total)
	}
	return err
}

// file sends a part of what one can seek in. What it has no data for is zeros.
func (s *extentWriter) file(ctx context.Context, in *os.File, from, length int64) error {
	buffer := s.buffer()
	for at, end := from, from+length; at < end; {
		start, stop := at, end
		if s.sparse {
			start, stop = nextData(in, at, end)
		}
		err := s.zeros(ctx, at, start-at)
		for at = start; at < stop && err == nil; {
			part := buffer[:min(stop-at, int64(len(buffer)))]
			if _, err = safeopen.FD(in.Fd()).ReadAt(part, at); errors.Is(err, io.EOF) {
				err = errors.New("it has become shorter while it was read")
			}
			if err == nil {
				err = s.data(ctx, at, part)
			}
			at += int64(len(part))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stream sends what comes from a stream, at most so many bytes.
func (s *extentWriter) stream(ctx context.Context, in *os.File, limit int64) error {
	buffer := s.buffer()
	for at := int64(0); at < limit; {
		part := buffer[:min(limit-at, int64(len(buffer)))]
		n, err := waiting(ctx, func() (int, error) { return io.ReadFull(in, part) })
		if sendErr := s.data(ctx, at, part[:n]); sendErr != nil {
			return sendErr
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// running starts a command that has one end of a pipe, as its standard input or output, and returns what waits until it has ended. When
// ctx ends, the other end is closed: the command notices, and lets go of what it has open. One that does not is ended.
func (l *Local) running(ctx context.Context, c Command, its, ours *os.File) (ended func() error) {
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

// isBroken tells whether writing to a program has failed because it has ended, which it explains itself.
func isBroken(err error) bool { return errors.Is(err, unix.EPIPE) }

// complains returns what a program has said, if it has ended by itself.
func complains(err error) bool {
	return errors.As(err, new(*ExitError)) || errors.As(err, new(*ToolError))
}

// octal is how printf(1) writes any bytes.
func octal(b []byte) string {
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
