package host

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"

	"poolctl/backend/fault"
	"poolctl/backend/host/shell"
	"poolctl/backend/host/sparse"
)

// Upload writes data to an existing file or block device. Data that do not fit are refused before anything is
// written; data of unknown length, from a stream, when the space is used up. If something was written, the
// error is an IncompleteError.
type Upload struct {
	From     *os.File
	Name     string // path of From for a shell; empty: standard input
	Path     string
	Offset   uint64 // in the target
	Length   uint64 // at most this many bytes; 0: all
	Whole    bool   // the data replace the file: it grows, or is truncated behind them
	Sparse   bool   // holes, and blocks of zeros of a stream, become holes
	Progress Progress
}

// Shell implements Step.
func (u Upload) Shell() string {
	line := "dd"
	if u.Name != "" {
		line += " if=" + shell.Quote(u.Name)
	}
	line += fmt.Sprintf(" of=%s bs=1M oflag=seek_bytes seek=%d iflag=count_bytes,fullblock",
		shell.Quote(u.Path), u.Offset)
	if u.Length > 0 {
		line += fmt.Sprintf(" count=%d", u.Length)
	}
	if u.Whole {
		line += " conv=nocreat,fsync status=none"
	} else {
		line += " conv=nocreat,notrunc,fsync status=none"
	}
	if u.Sparse {
		line += shellDigHoles(u.Path, u.Offset)
	}
	return line
}

// shellDigHoles returns a shell command that makes the zeros in a file holes, if it can have any. dd does not
// do that where other data were before.
func shellDigHoles(path string, from uint64) string {
	return fmt.Sprintf(" && { fallocate -d -o %d %s 2>/dev/null || :; }", from, shell.Quote(path))
}

func (u Upload) apply(ctx context.Context, l *Local) error {
	out, err := l.openData(u.Path, writing)
	if err != nil {
		return err
	}
	defer out.Close()
	if sparse.IsSame(u.From, out) {
		return fmt.Errorf("the source and target are the same: %q", u.Path)
	}
	room, err := u.room(out)
	if err != nil {
		return err
	}
	from, seekable := sparse.Position(u.From)
	var done int64
	if seekable {
		done, err = u.copyFile(ctx, out, from, room)
	} else {
		done, err = u.copyStream(ctx, out, room)
	}
	if err == nil && u.Whole && sparse.IsRegular(out) {
		err = out.Truncate(int64(u.Offset) + done)
	}
	if err == nil {
		err = out.Sync()
	}
	if err != nil && done > 0 {
		return &IncompleteError{uint64(done), err}
	}
	return err
}

// room returns how many bytes fit behind the offset.
func (u Upload) room(out *os.File) (int64, error) {
	size, err := sparse.Size(out)
	if err != nil {
		return 0, err
	}
	end := size
	if u.Whole && sparse.IsRegular(out) {
		end = math.MaxInt64
	}
	if u.Offset > uint64(end) {
		return 0, &OffsetError{u.Path, u.Offset, uint64(size)}
	}
	return end - int64(u.Offset), nil
}

// copyFile uploads from a seekable file. It leaves the file's offset behind the data.
func (u Upload) copyFile(ctx context.Context, out *os.File, from, room int64) (int64, error) {
	size, err := sparse.Size(u.From)
	if err != nil {
		return 0, err
	}
	length := max(size-from, 0)
	if u.Length > 0 && u.Length < uint64(length) {
		length = int64(u.Length)
	}
	if length > room {
		return 0, &DoesNotFitError{u.Path, u.Offset, uint64(length), uint64(room)}
	}
	copier := sparse.Copier{In: u.From, Out: out, Holes: sparse.HolesIf(u.Sparse), Progress: u.Progress}
	err = copier.Run(ctx, from, int64(u.Offset), length)
	if _, seekErr := u.From.Seek(from+copier.Done, io.SeekStart); err == nil {
		err = seekErr
	}
	return copier.Done, err
}

// copyStream uploads from a stream.
func (u Upload) copyStream(ctx context.Context, out *os.File, room int64) (int64, error) {
	limit, full := room, true
	if u.Length > 0 && u.Length <= uint64(room) {
		limit, full = int64(u.Length), false
	}
	holes := sparse.HolesIf(u.Sparse)
	done, err := sparse.ReadStream(ctx, u.From, out, int64(u.Offset), limit, holes, u.Progress)
	if err != nil || done < limit || !full {
		return done, err
	}
	more, err := sparse.Wait(ctx, func() (int, error) { return u.From.Read(make([]byte, 1)) })
	if more > 0 {
		return done, &DoesNotFitError{Path: u.Path, Offset: u.Offset, Room: uint64(room)}
	}
	return done, sparse.NotEOF(err)
}

// An IncompleteError reports how many bytes were written before an error.
type IncompleteError struct {
	Done uint64
	Err  error
}

func (e *IncompleteError) Error() string { return fmt.Sprintf("after %d bytes: %v", e.Done, e.Err) }

// Kind implements [fault.Error].
func (*IncompleteError) Kind() fault.Kind { return fault.Failed }

func (e *IncompleteError) Unwrap() error { return e.Err }

// An OffsetError reports an offset behind the end of a file or device.
type OffsetError struct {
	Path         string
	Offset, Size uint64
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("the offset %d is beyond the end of %q, which has %d bytes", e.Offset, e.Path, e.Size)
}

// Kind implements [fault.Error].
func (*OffsetError) Kind() fault.Kind { return fault.Usage }
