package host

import (
	"context"
	"fmt"
	"io"
	"os"

	"poolctl/backend/host/extents"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// PipeOut copies a volume that only a program can access, or a part of it, to an open file at its current
// offset. It corresponds to Download.
type PipeOut struct {
	Command Command // writes extents to its standard output, in order; the rest of the volume is zeros
	Plain   Command // writes the whole volume to its standard output, for a shell
	Format  extents.Codec
	From    string // for messages
	Size    uint64 // of the volume
	To      *os.File
	Name    string // path of To for a shell; empty: standard output
	Offset  uint64
	Length  uint64 // at most this many bytes; 0: all
	Sparse  bool   // blocks of zeros become holes if To can have any

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
		line += " of=" + shell.Quote(d.Name)
		if d.Sparse {
			line += shellDigHoles(d.Name, 0)
		}
	}
	return line
}

func (d PipeOut) apply(ctx context.Context, l *Local) error {
	from, length, err := clampRange(d.From, d.Offset, d.Length, d.Size)
	if err != nil {
		return err
	}
	r := &extents.Reader{Out: d.To, From: from, End: from + length,
		Holes: sparse.HolesIf(d.Sparse), Progress: d.Progress}
	to, seekable := sparse.Position(d.To)
	if !seekable || sparse.Appends(d.To) {
		r.Stream = true
		return d.drain(ctx, l, r)
	}
	r.To = to
	if err := checkFits(d.To, to, length); err != nil {
		return err
	}
	if err := d.drain(ctx, l, r); err != nil {
		return err
	}
	return seekTo(d.To, to+length)
}

// seekTo sets the offset of a file. It extends a regular file up to that offset.
func seekTo(f *os.File, at int64) error {
	if size, err := sparse.Size(f); err == nil && sparse.IsRegular(f) && size < at {
		if err := f.Truncate(at); err != nil {
			return err
		}
	}
	_, err := f.Seek(at, io.SeekStart)
	return err
}

// drain runs the program and copies its output until the range is complete.
func (d PipeOut) drain(ctx context.Context, l *Local, r *extents.Reader) error {
	if r.From == r.End {
		return ctx.Err()
	}
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	command := d.Command
	command.stdout = out
	ended := l.startPiped(ctx, command, out, in)
	complete, err := r.Copy(ctx, in, d.Format)
	if complete && r.End == int64(d.Size) { // the program ends by itself
		_, err = io.Copy(io.Discard, in)
	}
	switch endErr := ended(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case endedByItself(endErr) && !complete:
		return endErr
	}
	return err
}
