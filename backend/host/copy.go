package host

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/fault"
)

// A holes tells what becomes of holes that are copied.
type holes int

const (
	keepHoles  holes = iota // the target has holes there already
	clearHoles              // the target gets holes, if it can have any, and zeros otherwise
	fillHoles               // zeros are written
)

// holesIf is what becomes of holes in a target that is there already.
func holesIf(sparse bool) holes {
	if sparse {
		return clearHoles
	}
	return fillHoles
}

// A copying copies data between files that one can seek in, in pieces between which it can be interrupted.
type copying struct {
	in, out  *os.File
	holes    holes
	progress Progress

	done, total int64
	inKernel    bool   // copy_file_range(2) may work
	buffer      []byte // for when it does not
}

// ranges is how much is copied at a time in the kernel, and then told and sent on its way to the disk.
const ranges = 1 << 25

// run copies length bytes. That the source became shorter meanwhile is an error. What is to have all its room is not copied in
// the kernel, which would share blocks with the source on btrfs and XFS: a later write would need new ones.
func (c *copying) run(ctx context.Context, from, to, length int64) error {
	c.total, c.inKernel = length, c.holes != fillHoles && isRegular(c.in) && isRegular(c.out)
	c.progress.tell(0, length)
	end, shift := from+length, to-from
	for at := from; at < end; {
		start, stop := nextData(c.in, at, end)
		err := c.hole(ctx, at+shift, start+shift)
		if err == nil {
			err = c.data(ctx, start, stop, shift)
		}
		if err != nil {
			return err
		}
		at = stop
	}
	size, err := dataSize(c.in)
	if err == nil && size < end && length > 0 {
		err = c.shrunk()
	}
	return err
}

func (c *copying) shrunk() error {
	return fmt.Errorf("%q has become shorter while it was read", c.in.Name())
}

func (c *copying) count(n int64) {
	c.done += n
	c.progress.tell(c.done, c.total)
}

func (c *copying) hole(ctx context.Context, from, to int64) error {
	if c.holes == fillHoles {
		before := c.done
		return writeZeros(ctx, c.out, from, to, func(at, _ uint64) { c.count(before + int64(at) - from - c.done) })
	}
	return inChunks(ctx, from, to, func(from, length int64) error {
		if c.holes == clearHoles {
			if err := clearRange(ctx, c.out, punch, from, from+length); err != nil {
				return err
			}
		}
		c.count(length)
		return nil
	})
}

func (c *copying) data(ctx context.Context, from, end, shift int64) error {
	for from < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.piece(ctx, from, from+shift, end-from)
		from += n
		c.count(n)
		switch {
		case err != nil:
			return err
		case n == 0:
			return c.shrunk()
		}
	}
	return nil
}

// piece copies some of n bytes and tells how many; 0 means that the source ends here.
func (c *copying) piece(ctx context.Context, from, to, n int64) (int64, error) {
	if c.inKernel {
		copied, err := copyRange(c.in, c.out, from, to, min(n, ranges))
		if err == nil && copied > 0 {
			// The disk begins to write now, so that there is little left to wait for in the end (sync_file_range(2)).
			_ = unix.SyncFileRange(int(c.out.Fd()), to, copied, unix.SYNC_FILE_RANGE_WRITE)
			return copied, nil
		}
		if err != nil && !isUnsupported(err) && !errors.Is(err, unix.EXDEV) && !errors.Is(err, unix.EPERM) {
			return 0, pathError("copy to", c.out.Name(), err)
		}
		c.inKernel = false
	}
	if c.buffer == nil {
		c.buffer = make([]byte, len(zeros))
	}
	read, err := FD(c.in.Fd()).ReadAt(c.buffer[:min(n, int64(len(c.buffer)))], from)
	if read == 0 {
		if err = notEOF(err); err != nil {
			err = pathError("read", c.in.Name(), err)
		}
		return 0, err
	}
	holes := c.holes
	if isRegular(c.in) { // it has told what are holes
		holes = fillHoles
	}
	written, err := writeBlocks(ctx, c.out, c.buffer[:read], to, holes)
	return int64(written), err
}

func copyRange(in, out *os.File, from, to, n int64) (int64, error) {
	var copied int
	err := retry.Do(func() (err error) {
		copied, err = unix.CopyFileRange(int(in.Fd()), &from, int(out.Fd()), &to, int(n), 0)
		return err
	})
	return int64(copied), err
}

// block is the least of zeros that becomes a hole: a page, and what nearly all file systems allocate.
const block = 4096

// writeBlocks writes data of what has no holes to tell of: blocks of zeros are holes. It returns how many bytes were written.
func writeBlocks(ctx context.Context, out *os.File, b []byte, to int64, holes holes) (int, error) {
	if holes == fillHoles {
		return writeAt(out, b, to)
	}
	return eachRun(b, block, func(at, end int, zero bool) (int, error) {
		switch {
		case !zero:
			return writeAt(out, b[at:end], to+int64(at))
		case holes == clearHoles:
			return 0, clearRange(ctx, out, punch, to+int64(at), to+int64(end))
		}
		return 0, nil
	})
}

// eachRun splits a buffer into runs of blocks that are zero and of others. It returns how many bytes it was done with, of a run
// that fails those that do says.
func eachRun(b []byte, block int, do func(at, end int, zero bool) (int, error)) (int, error) {
	zeroAt := func(at int) bool { return isZero(b[at:min(at+block, len(b))]) }
	for at := 0; at < len(b); {
		zero, end := zeroAt(at), min(at+block, len(b))
		for end < len(b) && zeroAt(end) == zero {
			end = min(end+block, len(b))
		}
		if n, err := do(at, end, zero); err != nil {
			return at + n, err
		}
		at = end
	}
	return len(b), nil
}

// copySource begins a new file with a copy of its source, and returns how long that is.
func (c CreateFile) copySource(ctx context.Context, l *Local, out *os.File) (int64, error) {
	if c.From == nil {
		return 0, nil
	}
	in, err := c.From.open(l)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	size, err := dataSize(in)
	if err != nil {
		return 0, err
	}
	if !c.Zeros {
		err := retry.IoctlFileClone(int(out.Fd()), int(in.Fd()))
		switch {
		case err == nil:
			c.Progress.tell(size, size)
			return size, nil
		case c.From.Reflink:
			return 0, &ReflinkError{c.From.Path, err}
		}
	}
	copying := copying{in: in, out: out, progress: c.Progress}
	if c.Zeros {
		copying.holes = fillHoles
	}
	return size, copying.run(ctx, 0, 0, size)
}

func (s *Source) open(l *Local) (*os.File, error) {
	if s.InUse {
		return l.openData(s.Path, readingAny)
	}
	return l.openData(s.Path, reading)
}

// Unwritten returns an InUseError if somebody may be writing to a source, and must not be. That is as of now.
func (s *Source) Unwritten() error {
	f, err := s.open(&Local{})
	if err == nil {
		err = f.Close()
	}
	return err
}

// A ReflinkError tells that a copy cannot share the blocks of what it is made of.
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
