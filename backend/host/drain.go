package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// PipeOut copies a volume that only a program can reach, or a part of it, to where an open file stands: what Download does with a file.
type PipeOut struct {
	Command Command // writes pieces to its standard output, in order; what it leaves out is zeros
	Plain   Command // writes all of the volume to its standard output, for a shell
	Format  ExtentCodec
	From    string // for messages
	Size    uint64 // of the volume
	To      *os.File
	Name    string // of To, as a shell would open it; empty: standard output
	Offset  uint64
	Length  uint64 // at most so many bytes; 0: all
	Sparse  bool   // blocks of zeros become holes, where To can have any

	Progress Progress
}

// Shell implements Step.
func (d PipeOut) Shell() string {
	line := d.Plain.Shell()
	if d.Offset > 0 || d.Length > 0 || d.Name != "" {
		line += fmt.Sprintf(" | dd bs=1M iflag=skip_bytes,count_bytes,fullblock skip=%d", d.Offset)
		if d.Length > 0 {
			line += fmt.Sprintf(" count=%d", d.Length)
		}
		line += " status=none"
	}
	if d.Name != "" {
		line += " of=" + Quote(d.Name)
		if d.Sparse {
			line += digHoles(d.Name, 0)
		}
	}
	return line
}

func (d PipeOut) apply(ctx context.Context, l *Local) error {
	from, length, err := part(d.From, d.Offset, d.Length, d.Size)
	if err != nil {
		return err
	}
	r := &extentReader{out: d.To, from: from, end: from + length, holes: holesIf(d.Sparse), progress: d.Progress}
	to, seekable := position(d.To)
	if !seekable || appends(d.To) {
		r.stream = true
		return d.drain(ctx, l, r)
	}
	r.to = to
	if err := hasRoom(d.To, to, length); err != nil {
		return err
	}
	if err := d.drain(ctx, l, r); err != nil {
		return err
	}
	return leaveAt(d.To, to+length)
}

// leaveAt lets a file stand at a place, which has to be in it.
func leaveAt(f *os.File, at int64) error {
	if size, err := dataSize(f); err == nil && isRegular(f) && size < at {
		if err := f.Truncate(at); err != nil {
			return err
		}
	}
	_, err := f.Seek(at, io.SeekStart)
	return err
}

// drain runs the program and writes what comes from it, as long as that is wanted.
func (d PipeOut) drain(ctx context.Context, l *Local, r *extentReader) error {
	if r.from == r.end {
		return ctx.Err()
	}
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	command := d.Command
	command.stdout = out
	ended := l.running(ctx, command, out, in)
	enough, err := r.receive(ctx, in, d.Format)
	if enough && r.end == int64(d.Size) { // it ends by itself
		_, err = io.Copy(io.Discard, in)
	}
	switch endErr := ended(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case complains(endErr) && !enough:
		return endErr
	}
	return err
}

// A extentReader writes what comes of a volume to a file.
type extentReader struct {
	out       *os.File
	stream    bool  // it cannot be sought in
	from, end int64 // the part of the volume that is wanted
	to        int64 // where it begins in the file
	holes     holes
	progress  Progress

	done int64 // of the part
}

// receive reads pieces to their end, or until there is enough.
func (r *extentReader) receive(ctx context.Context, in io.Reader, format ExtentCodec) (enough bool, err error) {
	buffer := make([]byte, len(zeros))
	for r.from+r.done < r.end {
		offset, length, hasData, err := format.Next(in)
		switch {
		case errors.Is(err, io.EOF):
			return false, r.zeros(ctx, r.end)
		case err != nil:
			return false, err
		case !hasData:
			continue
		}
		if err := r.piece(ctx, in, int64(offset), int64(offset+length), buffer); err != nil {
			return false, err
		}
	}
	return true, nil
}

// piece writes what is wanted of a piece that follows in a stream.
func (r *extentReader) piece(ctx context.Context, in io.Reader, at, end int64, buffer []byte) error {
	if r.done > 0 && at < end && at < r.from+r.done {
		return errors.New("the pieces of the volume come in no order")
	}
	if err := r.zeros(ctx, min(at, r.end)); err != nil {
		return err
	}
	for at < end && at < r.end {
		part := buffer[:min(end-at, int64(len(buffer)))]
		if _, err := io.ReadFull(in, part); err != nil {
			return err
		}
		n := int64(len(part))
		if err := r.write(ctx, part[min(max(r.from-at, 0), n):min(r.end-at, n)]); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func (r *extentReader) write(ctx context.Context, b []byte) (err error) {
	n := len(b)
	if err = ctx.Err(); err != nil || n == 0 {
		return err
	}
	if r.stream {
		n, err = waiting(ctx, func() (int, error) { return r.out.Write(b) })
	} else {
		n, err = writeBlocks(ctx, r.out, b, r.to+r.done, r.holes)
	}
	r.count(int64(n))
	return err
}

func (r *extentReader) count(n int64) {
	r.done += n
	r.progress.tell(r.done, r.end-r.from)
}

// zeros writes zeros up to a place in the volume.
func (r *extentReader) zeros(ctx context.Context, up int64) error {
	for left := up - r.from - r.done; left > 0; left = up - r.from - r.done {
		if !r.stream && r.holes == clearHoles {
			part := min(left, chunk)
			if err := clearRange(ctx, r.out, punch, r.to+r.done, r.to+r.done+part); err != nil {
				return err
			}
			r.count(part)
			continue
		}
		if err := r.write(ctx, zeros[:min(left, int64(len(zeros)))]); err != nil {
			return err
		}
	}
	return nil
}
