package extents

import (
	"context"
	"errors"
	"io"
	"os"

	"poolctl/backend/host/safeopen"
	"poolctl/backend/host/sparse"
)

// writerBuffer is how much data an extent contains at most, in bytes: the size of Ceph's objects, for one.
const writerBuffer = 4 << 20

// leastZeros is the least number of zeros that is written as an extent of zeros, in bytes.
const leastZeros = 1 << 16

// A Writer writes data as extents.
type Writer struct {
	To    *os.File
	Codec Codec
	// Each, if not nil, replaces To and Codec: it writes an extent with data, and extents of zeros are left
	// out.
	Each     func(ctx context.Context, at int64, b []byte) error
	Shift    int64 // an extent's offset in the volume, less its offset in the source
	Sparse   bool  // blocks of zeros become extents of zeros
	Progress sparse.Progress

	Done, Total int64 // bytes written so far, and in all; 0: not known
}

// Begin writes what precedes the extents.
func (w *Writer) Begin() error { return w.write(w.Codec.Begin()) }

// End writes what follows the extents.
func (w *Writer) End() error { return w.write(w.Codec.End()) }

func (w *Writer) write(b []byte) error {
	_, err := w.To.Write(b)
	return err
}

// buffer returns a buffer for the data of one extent. A program that runs for each extent takes time to
// start, so that its extents are larger.
func (w *Writer) buffer() []byte {
	if w.Each != nil {
		return make([]byte, 16*writerBuffer)
	}
	return make([]byte, writerBuffer)
}

// leastZeros returns the least number of zeros that becomes an extent of zeros.
func (w *Writer) leastZeros() int {
	if w.Each != nil {
		return len(sparse.Zeros)
	}
	return leastZeros
}

// writeSparse writes data that were read at an offset. If Sparse, blocks of zeros become extents of zeros.
func (w *Writer) writeSparse(ctx context.Context, at int64, b []byte) error {
	if !w.Sparse {
		return w.WriteData(ctx, at, b)
	}
	_, err := sparse.EachRun(b, w.leastZeros(), func(from, to int, zero bool) (int, error) {
		if zero {
			return 0, w.WriteZeros(ctx, at+int64(from), int64(to-from))
		}
		return 0, w.WriteData(ctx, at+int64(from), b[from:to])
	})
	return err
}

// WriteData writes an extent with data that were read at an offset.
func (w *Writer) WriteData(ctx context.Context, at int64, b []byte) error {
	if len(b) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	if w.Each != nil {
		return w.count(int64(len(b)), w.Each(ctx, at+w.Shift, b))
	}
	err := w.write(w.Codec.Data(uint64(at+w.Shift), uint64(len(b))))
	if err == nil {
		err = w.write(b)
	}
	return w.count(int64(len(b)), err)
}

// WriteZeros writes an extent of zeros.
func (w *Writer) WriteZeros(ctx context.Context, at, length int64) error {
	if length <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	if w.Each != nil {
		return w.count(length, nil)
	}
	return w.count(length, w.write(w.Codec.Zeros(uint64(at+w.Shift), uint64(length))))
}

func (w *Writer) count(n int64, err error) error {
	if err == nil {
		w.Done += n
		w.Progress.Report(w.Done, w.Total)
	}
	return err
}

// WriteFile writes a range of a seekable file. If Sparse, its holes become extents of zeros.
func (w *Writer) WriteFile(ctx context.Context, in *os.File, from, length int64) error {
	buffer := w.buffer()
	for at, end := from, from+length; at < end; {
		start, stop := at, end
		if w.Sparse {
			start, stop = sparse.NextData(in, at, end)
		}
		err := w.WriteZeros(ctx, at, start-at)
		for at = start; at < stop && err == nil; {
			part := buffer[:min(stop-at, int64(len(buffer)))]
			if _, err = safeopen.FD(in.Fd()).ReadAt(part, at); errors.Is(err, io.EOF) {
				err = errors.New("it shrank while it was read")
			}
			if err == nil {
				err = w.writeSparse(ctx, at, part)
			}
			at += int64(len(part))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WriteStream writes at most limit bytes of a stream.
func (w *Writer) WriteStream(ctx context.Context, in *os.File, limit int64) error {
	buffer := w.buffer()
	for at := int64(0); at < limit; {
		part := buffer[:min(limit-at, int64(len(buffer)))]
		n, err := sparse.Wait(ctx, func() (int, error) { return io.ReadFull(in, part) })
		if writeErr := w.writeSparse(ctx, at, part[:n]); writeErr != nil {
			return writeErr
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
