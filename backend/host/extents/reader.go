package extents

import (
	"context"
	"errors"
	"io"
	"os"

	"poolctl/backend/host/sparse"
)

// A Reader reads extents and writes a range of the volume to a file. What no extent contains is zeros.
type Reader struct {
	Out       *os.File
	Stream    bool  // Out is not seekable
	From, End int64 // the range of the volume
	To        int64 // the offset of the range in Out
	Holes     sparse.Holes
	Progress  sparse.Progress

	done int64 // bytes of the range written so far
}

// Copy reads extents until the last one, or until the range is complete.
func (r *Reader) Copy(ctx context.Context, in io.Reader, codec Codec) (complete bool, err error) {
	buffer := make([]byte, len(sparse.Zeros))
	for r.From+r.done < r.End {
		offset, length, hasData, err := codec.Next(in)
		switch {
		case errors.Is(err, io.EOF):
			return false, r.writeZeros(ctx, r.End)
		case err != nil:
			return false, err
		case !hasData:
			continue
		}
		if err := r.readExtent(ctx, in, int64(offset), int64(offset+length), buffer); err != nil {
			return false, err
		}
	}
	return true, nil
}

// readExtent reads the data of an extent, and writes those in the range.
func (r *Reader) readExtent(ctx context.Context, in io.Reader, at, end int64, buffer []byte) error {
	if r.done > 0 && at < end && at < r.From+r.done {
		return errors.New("the extents of the volume are not in order")
	}
	if err := r.writeZeros(ctx, min(at, r.End)); err != nil {
		return err
	}
	for at < end && at < r.End {
		part := buffer[:min(end-at, int64(len(buffer)))]
		if _, err := io.ReadFull(in, part); err != nil {
			return err
		}
		n := int64(len(part))
		if err := r.write(ctx, part[min(max(r.From-at, 0), n):min(r.End-at, n)]); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func (r *Reader) write(ctx context.Context, b []byte) (err error) {
	n := len(b)
	if err = ctx.Err(); err != nil || n == 0 {
		return err
	}
	if r.Stream {
		n, err = sparse.Wait(ctx, func() (int, error) { return r.Out.Write(b) })
	} else {
		n, err = sparse.WriteBlocks(ctx, r.Out, b, r.To+r.done, r.Holes)
	}
	r.count(int64(n))
	return err
}

func (r *Reader) count(n int64) {
	r.done += n
	r.Progress.Report(r.done, r.End-r.From)
}

// writeZeros writes zeros up to an offset in the volume.
func (r *Reader) writeZeros(ctx context.Context, end int64) error {
	for left := end - r.From - r.done; left > 0; left = end - r.From - r.done {
		if !r.Stream && r.Holes == sparse.ClearHoles {
			part := min(left, sparse.Chunk)
			if err := sparse.Clear(ctx, r.Out, sparse.Punch, r.To+r.done, r.To+r.done+part); err != nil {
				return err
			}
			r.count(part)
			continue
		}
		if err := r.write(ctx, sparse.Zeros[:min(left, int64(len(sparse.Zeros)))]); err != nil {
			return err
		}
	}
	return nil
}
