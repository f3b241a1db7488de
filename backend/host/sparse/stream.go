package sparse

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/safeopen"
)

// Wait calls do, which may block, for example because the other end of a pipe does nothing. It returns early
// with ctx's error when ctx ends; do then goes on in the background.
func Wait(ctx context.Context, do func() (int, error)) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := do()
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// StreamBuffer is how many bytes are read from a pipe, or written to one, at a time.
const StreamBuffer = 1 << 18

// ReadStream copies at most limit bytes of a stream to a file, from the offset to on. It returns how many
// bytes were written.
func ReadStream(
	ctx context.Context, in, out *os.File, to, limit int64, holes Holes, progress Progress,
) (int64, error) {
	buffer := make([]byte, StreamBuffer)
	var done int64
	for done < limit {
		part := buffer[:min(limit-done, StreamBuffer)]
		n, err := Wait(ctx, func() (int, error) { return io.ReadFull(in, part) })
		written, writeErr := WriteBlocks(ctx, out, buffer[:n], to+done, holes)
		done += int64(written)
		if writeErr != nil {
			return done, writeErr
		}
		progress.Report(done, 0)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return done, nil
		case err != nil:
			return done, err
		}
	}
	return done, nil
}

// WriteStream copies a range of a file to a stream, holes as zeros.
//
// To a pipe it moves pages without copying them (splice(2)). The reader then sees the file's own pages, with
// whatever is in them when it reads. So WriteStream copies the last StreamBuffer bytes: once they fit into
// the pipe, the reader has read all pages before them, and the file may change again.
func WriteStream(ctx context.Context, in, out *os.File, from, length int64, progress Progress) error {
	_, _ = unix.FcntlInt(out.Fd(), unix.F_SETPIPE_SZ, StreamBuffer) // fewer switches between the reader and us
	_ = unix.Fadvise(int(in.Fd()), from, length, unix.FADV_SEQUENTIAL)
	buffer, canSplice := make([]byte, StreamBuffer), true
	for done := int64(0); done < length; {
		n := int64(0)
		if canSplice = canSplice && length-done > StreamBuffer; canSplice {
			n, canSplice = splice(ctx, in, out, from+done)
		}
		err := ctx.Err()
		if err == nil && !canSplice {
			n, err = writePart(ctx, in, out, from+done, buffer[:min(length-done, StreamBuffer)])
		}
		if err != nil {
			return err
		}
		done += n
		progress.Report(done, length)
	}
	return nil
}

// splice moves some pages of a file into a pipe once it has room. It does not return errors, which occur
// again when writePart writes the same part.
func splice(ctx context.Context, in, out *os.File, at int64) (n int64, ok bool) {
	for ctx.Err() == nil {
		moved, err := unix.Splice(int(in.Fd()), &at, int(out.Fd()), nil, StreamBuffer, unix.SPLICE_F_NONBLOCK)
		switch {
		case errors.Is(err, unix.EAGAIN):
			const patience = 100 // milliseconds
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(out.Fd()), Events: unix.POLLOUT}}, patience)
		case !errors.Is(err, unix.EINTR):
			return moved, err == nil && moved > 0
		}
	}
	return 0, false
}

// writePart fills a buffer with a part of a file and writes it to a stream.
func writePart(ctx context.Context, in, out *os.File, at int64, buffer []byte) (int64, error) {
	n, err := safeopen.FD(in.Fd()).ReadAt(buffer, at)
	if n == 0 {
		if err = NotEOF(err); err == nil {
			err = errors.New("it shrank while it was read")
		}
		return 0, safeopen.PathError("read", in.Name(), err)
	}
	_, err = Wait(ctx, func() (int, error) { return out.Write(buffer[:n]) })
	return int64(n), err
}
