package host

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// position tells where in a file one reads or writes next, and whether one can go elsewhere: not in a pipe.
func position(f *os.File) (at int64, seekable bool) {
	if !isRegular(f) && !isBlock(f) {
		return 0, false
	}
	at, err := retry.Seek(int(f.Fd()), 0, io.SeekCurrent)
	return at, err == nil
}

// appends tells whether what is written to a file goes to its end, wherever one is.
func appends(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_APPEND != 0
}

// waiting does what may have to wait for somebody else, such as at the other end of a pipe, but no longer than ctx allows.
func waiting(ctx context.Context, do func() (int, error)) (int, error) {
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

// streamBuffer is how much is read of a pipe, or written to one, at a time.
const streamBuffer = 1 << 18

// readStream copies what comes from a stream, at most limit bytes, to a file. It returns how many were written.
func readStream(ctx context.Context, in, out *os.File, to, limit int64, holes holes, progress Progress) (int64, error) {
	buffer := make([]byte, streamBuffer)
	var done int64
	for done < limit {
		part := buffer[:min(limit-done, streamBuffer)]
		n, err := waiting(ctx, func() (int, error) { return io.ReadFull(in, part) })
		written, writeErr := writeBlocks(ctx, out, buffer[:n], to+done, holes)
		done += int64(written)
		if writeErr != nil {
			return done, writeErr
		}
		progress.tell(done, 0)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return done, nil
		case err != nil:
			return done, err
		}
	}
	return done, nil
}

// writeStream copies a part of a file to a stream, holes as zeros.
//
// To a pipe that can be done without copying (splice(2)): the reader then sees the file's own pages, as they are when it reads
// them. So the last of them are copied; when they have room in the pipe, those before are read, and the file may be written to again.
func writeStream(ctx context.Context, in, out *os.File, from, length int64, progress Progress) error {
	_, _ = unix.FcntlInt(out.Fd(), unix.F_SETPIPE_SZ, streamBuffer) // fewer changes between us and the reader
	_ = unix.Fadvise(int(in.Fd()), from, length, unix.FADV_SEQUENTIAL)
	buffer, canSplice := make([]byte, streamBuffer), true
	for done := int64(0); done < length; {
		n := int64(0)
		if canSplice = canSplice && length-done > streamBuffer; canSplice {
			n, canSplice = splice(ctx, in, out, from+done)
		}
		err := ctx.Err()
		if err == nil && !canSplice {
			n, err = writePart(ctx, in, out, from+done, buffer[:min(length-done, streamBuffer)])
		}
		if err != nil {
			return err
		}
		done += n
		progress.tell(done, length)
	}
	return nil
}

// splice moves some of a file into a pipe when there is room. What is wrong, if it cannot, will come up again when it is written.
func splice(ctx context.Context, in, out *os.File, at int64) (n int64, ok bool) {
	for ctx.Err() == nil {
		moved, err := unix.Splice(int(in.Fd()), &at, int(out.Fd()), nil, streamBuffer, unix.SPLICE_F_NONBLOCK)
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
		if err = notEOF(err); err == nil {
			err = errors.New("it has become shorter while it was read")
		}
		return 0, safeopen.PathError("read", in.Name(), err)
	}
	_, err = waiting(ctx, func() (int, error) { return out.Write(buffer[:n]) })
	return int64(n), err
}
