package host

import (
	"context"
	"fmt"
	"os"

	"poolctl/backend/host/sparse"
)

// Download copies a file or block device, or a part of one, to where an open file stands.
type Download struct {
	From   Source
	To     *os.File
	Name   string // of To, as a shell would open it; empty: standard output
	Offset uint64
	Length uint64 // at most so many bytes; 0: all
	Sparse bool   // holes become holes, and of a device blocks of zeros do, where To can have any

	Progress Progress
}

// Shell implements Step.
func (d Download) Shell() string {
	line := fmt.Sprintf("dd if=%s bs=1M iflag=skip_bytes,count_bytes skip=%d", Quote(d.From.Path), d.Offset)
	if d.Length > 0 {
		line += fmt.Sprintf(" count=%d", d.Length)
	}
	if d.Name == "" {
		return line + " status=none"
	}
	line += " status=none of=" + Quote(d.Name)
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
		return fmt.Errorf("%q would be written over itself", d.From.Path)
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
	return d.copy(ctx, in, from, to, length)
}

// copy writes to what one can seek in, and goes on behind it, so that what a shell writes next follows.
func (d Download) copy(ctx context.Context, in *os.File, from, to, length int64) error {
	if err := checkFits(d.To, to, length); err != nil {
		return err
	}
	copier := sparse.Copier{In: in, Out: d.To, Holes: sparse.HolesIf(d.Sparse), Progress: d.Progress}
	if err := copier.Run(ctx, from, to, length); err != nil {
		return err
	}
	return seekTo(d.To, to+length)
}

// clampRange returns where to begin in data of a size, and how much there is: all that follows where the length asked for is 0 or larger.
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

// checkFits refuses what is longer than a device is from a place on. Files grow.
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
