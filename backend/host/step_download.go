package host

import (
	"context"
	"fmt"
	"os"

	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// Download copies a file or block device, or a part of one, to an open file at its current offset.
type Download struct {
	From   Source
	To     *os.File
	Name   string // path of To for a shell; empty: standard output
	Offset uint64
	Length uint64 // at most this many bytes; 0: all
	Sparse bool   // holes, and blocks of zeros of a device, become holes if To can have any

	Progress Progress
}

// Shell implements Step.
func (d Download) Shell() string {
	line := fmt.Sprintf("dd if=%s bs=1M iflag=skip_bytes,count_bytes skip=%d", shell.Quote(d.From.Path),
		d.Offset)
	if d.Length > 0 {
		line += fmt.Sprintf(" count=%d", d.Length)
	}
	if d.Name == "" {
		return line + " status=none"
	}
	line += " status=none of=" + shell.Quote(d.Name)
	if d.Sparse {
		line += shellDigHoles(d.Name, 0)
	}
	return line
}

func (d Download) apply(ctx context.Context, l *Local) error {
	in, err := d.From.open(l)
	if err != nil {
		return err
	}
	defer in.Close()
	if sparse.IsSame(in, d.To) {
		return fmt.Errorf("the source and target are the same: %q", d.From.Path)
	}
	size, err := sparse.Size(in)
	if err != nil {
		return err
	}
	from, length, err := clampRange(d.From.Path, d.Offset, d.Length, uint64(size))
	if err != nil {
		return err
	}
	to, seekable := sparse.Position(d.To)
	if !seekable || sparse.Appends(d.To) {
		return sparse.WriteStream(ctx, in, d.To, from, length, d.Progress)
	}
	return d.copyFile(ctx, in, from, to, length)
}

// copyFile writes to a seekable file, and leaves its offset behind the data.
func (d Download) copyFile(ctx context.Context, in *os.File, from, to, length int64) error {
	if err := checkFits(d.To, to, length); err != nil {
		return err
	}
	copier := sparse.Copier{In: in, Out: d.To, Holes: sparse.HolesIf(d.Sparse), MayShare: true,
		Progress: d.Progress}
	if err := copier.Run(ctx, from, to, length); err != nil {
		return err
	}
	return seekTo(d.To, to+length)
}

// clampRange returns the start and the length of a range in data of a size. The range ends with the data if
// length is 0 or too large.
func clampRange(name string, offset, length, size uint64) (from, count int64, err error) {
	if offset > size {
		return 0, 0, &OffsetError{name, offset, size}
	}
	all := size - offset
	if length > 0 {
		all = min(length, all)
	}
	return int64(offset), int64(all), nil
}

// checkFits returns a DoesNotFitError if data are longer than the rest of a device from an offset on. Files
// grow.
func checkFits(f *os.File, at, length int64) error {
	if !sparse.IsBlock(f) {
		return nil
	}
	end, err := sparse.Size(f)
	if err == nil && length > end-at {
		err = &DoesNotFitError{f.Name(), uint64(at), uint64(length), uint64(max(end-at, 0))}
	}
	return err
}
