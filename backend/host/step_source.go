package host

import (
	"context"
	"fmt"
	"os"

	"poolctl/backend/fault"
	"poolctl/backend/host/retry"
	"poolctl/backend/host/sparse"
)

// A Source is a file or block device whose data a step copies.
type Source struct {
	Path    string
	Reflink bool // a copy must share its blocks, not copy them
	InUse   bool // other processes may be writing to it
}

func (s *Source) open(l *Local) (*os.File, error) {
	if s.InUse {
		return l.openData(s.Path, readingAny)
	}
	return l.openData(s.Path, reading)
}

// CheckUnwritten returns an InUseError if another process may be writing to the source now, unless InUse
// allows that.
func (s *Source) CheckUnwritten() error {
	f, err := s.open(&Local{})
	if err == nil {
		err = f.Close()
	}
	return err
}

// copySource copies the source to a new file, and returns the length of the source in bytes.
func (c CreateFile) copySource(ctx context.Context, l *Local, out *os.File) (int64, error) {
	if c.From == nil {
		return 0, nil
	}
	in, err := c.From.open(l)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	size, err := sparse.Size(in)
	if err != nil {
		return 0, err
	}
	if !c.Zeros {
		err := retry.IoctlFileClone(int(out.Fd()), int(in.Fd()))
		switch {
		case err == nil:
			c.Progress.Report(size, size)
			return size, nil
		case c.From.Reflink:
			return 0, &ReflinkError{c.From.Path, err}
		}
	}
	copier := sparse.Copier{In: in, Out: out, Progress: c.Progress}
	if c.Zeros {
		copier.Holes = sparse.FillHoles
	}
	return size, copier.Run(ctx, 0, 0, size)
}

// A ReflinkError reports that a copy cannot share blocks with its source.
type ReflinkError struct {
	Path string
	Err  error
}

func (e *ReflinkError) Error() string {
	return fmt.Sprintf("the blocks of %q cannot be shared with a copy (reflink): %v", e.Path, e.Err)
}

// Kind implements [fault.Error].
func (*ReflinkError) Kind() fault.Kind { return fault.Unsupported }

func (e *ReflinkError) Unwrap() error { return e.Err }
