package host

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"

	"poolctl/fault"
)

// Upload writes data into a file or block device that is there. It refuses what would not fit before it writes anything, or,
// of a stream, whose length nobody knows, when there is no more room. A failure is an IncompleteError if something was written.
type Upload struct {
	From     *os.File
	Name     string // of From, as a shell would open it; empty: standard input
	Path     string
	Offset   uint64 // in the target
	Length   uint64 // at most so many bytes; 0: all
	Whole    bool   // the file becomes what is uploaded: it grows where it has to, and is cut off behind
	Sparse   bool   // holes, and of a stream blocks of zeros, become holes
	Progress Progress
}

// Shell implements Step.
func (u Upload) Shell() string {
	line := "dd"
	if u.Name != "" {
		line += " if=" + Quote(u.Name)
	}
	line += fmt.Sprintf(" of=%s bs=1M oflag=seek_bytes seek=%d iflag=count_bytes,fullblock", Quote(u.Path), u.Offset)
	if u.Length > 0 {
		line += fmt.Sprintf(" count=%d", u.Length)
	}
	if u.Whole {
		line += " conv=nocreat,fsync status=none"
	} else {
		line += " conv=nocreat,notrunc,fsync status=none"
	}
	if u.Sparse {
		line += digHoles(u.Path, u.Offset)
	}
	return line
}

// digHoles makes holes of the zeros in a file, if it can have any, which dd does not where other data were before.
func digHoles(path string, from uint64) string {
	return fmt.Sprintf(" && { fallocate -d -o %d %s 2>/dev/null || :; }", from, Quote(path))
}

func (u Upload) apply(ctx context.Context, l *Local) error {
	out, err := l.openData(u.Path, writing)
	if err != nil {
		return err
	}
	defer out.Close()
	if isSame(u.From, out) {
		return fmt.Errorf("%q would be written over itself", u.Path)
	}
	room, err := u.room(out)
	if err != nil {
		return err
	}
	from, seekable := position(u.From)
	var done int64
	if seekable {
		done, err = u.copy(ctx, out, from, room)
	} else {
		done, err = u.receive(ctx, out, room)
	}
	if err == nil && u.Whole && isRegular(out) {
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
	size, err := dataSize(out)
	if err != nil {
		return 0, err
	}
	end := size
	if u.Whole && isRegular(out) {
		end = math.MaxInt64
	}
	if u.Offset > uint64(end) {
		return 0, &OffsetError{u.Path, u.Offset, uint64(size)}
	}
	return end - int64(u.Offset), nil
}

// copy uploads from what one can seek in, and whose length is known. What is read next of it follows.
func (u Upload) copy(ctx context.Context, out *os.File, from, room int64) (int64, error) {
	size, err := dataSize(u.From)
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
	copying := copying{in: u.From, out: out, holes: holesIf(u.Sparse), progress: u.Progress}
	err = copying.run(ctx, from, int64(u.Offset), length)
	if _, seekErr := u.From.Seek(from+copying.done, io.SeekStart); err == nil {
		err = seekErr
	}
	return copying.done, err
}

// receive uploads from a stream.
func (u Upload) receive(ctx context.Context, out *os.File, room int64) (int64, error) {
	limit, full := room, true
	if u.Length > 0 && u.Length <= uint64(room) {
		limit, full = int64(u.Length), false
	}
	done, err := readStream(ctx, u.From, out, int64(u.Offset), limit, holesIf(u.Sparse), u.Progress)
	if err != nil || done < limit || !full {
		return done, err
	}
	more, err := waiting(ctx, func() (int, error) { return u.From.Read(make([]byte, 1)) })
	if more > 0 {
		return done, &DoesNotFitError{Path: u.Path, Offset: u.Offset, Room: uint64(room)}
	}
	return done, notEOF(err)
}

// An IncompleteError tells how many bytes were written before something failed.
type IncompleteError struct {
	Done uint64
	Err  error
}

func (e *IncompleteError) Error() string { return fmt.Sprintf("after %d bytes: %v", e.Done, e.Err) }

// Kind implements [fault.Error].
func (*IncompleteError) Kind() fault.Kind { return fault.Failed }

func (e *IncompleteError) Unwrap() error { return e.Err }

// An OffsetError tells that a file or device ends before an offset.
type OffsetError struct {
	Path         string
	Offset, Size uint64
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("the offset %d is beyond the end of %q, which has %d bytes", e.Offset, e.Path, e.Size)
}

// Kind implements [fault.Error].
func (*OffsetError) Kind() fault.Kind { return fault.Usage }
