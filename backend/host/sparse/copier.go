// Package sparse copies, zeroes and allocates ranges of open files and block devices.
//
// A [Copier] copies between seekable files, holes as holes if the target is to have any. [ReadStream] and
// [WriteStream] copy from and to pipes. [Clear] makes a range read as zeros by [Punch] (which deallocates it)
// or [ZeroOut] (which keeps it allocated), and writes zeros where neither is supported. All of them process
// parts, so that they end soon after their context does, and report their [Progress]. Offsets and lengths are
// in bytes.
package sparse

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// Holes says what a copy does with the source's holes.
type Holes int

// The values of Holes.
const (
	KeepHoles  Holes = iota // leave the target as is, because it has holes there already
	ClearHoles              // clear the target there: with holes if it can have any, otherwise with zeros
	FillHoles               // write zeros
)

// HolesIf returns the Holes for a target that exists already.
func HolesIf(sparse bool) Holes {
	if sparse {
		return ClearHoles
	}
	return FillHoles
}

// A Copier copies data between seekable files, in parts between which it can be interrupted.
type Copier struct {
	In, Out  *os.File
	Holes    Holes
	MayShare bool // Out may share blocks with In on btrfs and XFS; always so except with FillHoles
	Progress Progress
	Done     int64 // bytes copied so far

	total    int64
	inKernel kernelCopy // nil: the kernel cannot copy between these files
	buffer   []byte     // for copying without it
}

// A kernelCopy copies n bytes from one offset to another in the kernel, and returns how many it has copied.
type kernelCopy func(in, out *os.File, from, to, n int64) (int64, error)

// kernelPart is how many bytes the kernel copies at a time.
const kernelPart = 1 << 25

// Run copies length bytes. It fails if the source becomes shorter. With FillHoles it shares blocks with the
// source only if MayShare is set: writing to shared blocks needs new ones, and a volume is to have all its
// space allocated.
func (c *Copier) Run(ctx context.Context, from, to, length int64) error {
	c.total = length
	if IsRegular(c.In) && IsRegular(c.Out) {
		c.inKernel = copyRange
		if c.Holes == FillHoles && !c.MayShare {
			c.inKernel = sendRange
		}
	}
	c.Progress.Report(0, length)
	end, shift := from+length, to-from
	for at := from; at < end; {
		start, stop := NextData(c.In, at, end)
		err := c.copyHole(ctx, at+shift, start+shift)
		if err == nil {
			err = c.copyData(ctx, start, stop, shift)
		}
		if err != nil {
			return err
		}
		at = stop
	}
	size, err := Size(c.In)
	if err == nil && size < end && length > 0 {
		err = c.errShrunk()
	}
	return err
}

func (c *Copier) errShrunk() error {
	return fmt.Errorf("%q shrank while it was read", c.In.Name())
}

func (c *Copier) count(n int64) {
	c.Done += n
	c.Progress.Report(c.Done, c.total)
}

// copyHole applies Holes to a range of Out.
func (c *Copier) copyHole(ctx context.Context, from, to int64) error {
	if c.Holes == FillHoles {
		before := c.Done
		return WriteZeros(ctx, c.Out, from, to, func(at, _ uint64) { c.count(before + int64(at) - from - c.Done) })
	}
	return InChunks(ctx, from, to, func(from, length int64) error {
		if c.Holes == ClearHoles {
			if err := Clear(ctx, c.Out, Punch, from, from+length); err != nil {
				return err
			}
		}
		c.count(length)
		return nil
	})
}

// copyData copies a range of In to shift bytes behind it in Out.
func (c *Copier) copyData(ctx context.Context, from, end, shift int64) error {
	for from < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.copyPart(ctx, from, from+shift, end-from)
		from += n
		c.count(n)
		switch {
		case err != nil:
			return err
		case n == 0:
			return c.errShrunk()
		}
	}
	return nil
}

// copyPart copies up to n bytes and returns how many; 0 if the source ends at from.
func (c *Copier) copyPart(ctx context.Context, from, to, n int64) (int64, error) {
	if c.inKernel != nil {
		copied, err := c.inKernel(c.In, c.Out, from, to, min(n, kernelPart))
		if err == nil && copied > 0 {
			// The disk starts writing now, so that the final sync has little left to wait for
			// (sync_file_range(2)).
			_ = unix.SyncFileRange(int(c.Out.Fd()), to, copied, unix.SYNC_FILE_RANGE_WRITE)
			return copied, nil
		}
		if err != nil && !isUnsupported(err) && !errors.Is(err, unix.EXDEV) && !errors.Is(err, unix.EPERM) {
			return 0, safeopen.PathError("copy to", c.Out.Name(), err)
		}
		c.inKernel = nil
	}
	if c.buffer == nil {
		c.buffer = make([]byte, len(Zeros))
	}
	read, err := safeopen.FD(c.In.Fd()).ReadAt(c.buffer[:min(n, int64(len(c.buffer)))], from)
	if read == 0 {
		if err = NotEOF(err); err != nil {
			err = safeopen.PathError("read", c.In.Name(), err)
		}
		return 0, err
	}
	holes := c.Holes
	if IsRegular(c.In) { // NextData has found the holes
		holes = FillHoles
	}
	written, err := WriteBlocks(ctx, c.Out, c.buffer[:read], to, holes)
	return int64(written), err
}

// copyRange copies a range by copy_file_range(2), which shares blocks on btrfs and XFS.
func copyRange(in, out *os.File, from, to, n int64) (int64, error) {
	var copied int
	err := retry.Do(func() (err error) {
		copied, err = unix.CopyFileRange(int(in.Fd()), &from, int(out.Fd()), &to, int(n), 0)
		return err
	})
	return int64(copied), err
}

// sendRange copies a range by sendfile(2), which shares no blocks, and copies the data once where read(2) and
// write(2) copy them twice. It moves the offset of out.
func sendRange(in, out *os.File, from, to, n int64) (int64, error) {
	if _, err := retry.Seek(int(out.Fd()), to, unix.SEEK_SET); err != nil {
		return 0, err
	}
	var copied int
	err := retry.Do(func() (err error) {
		copied, err = unix.Sendfile(int(out.Fd()), int(in.Fd()), &from, int(n))
		return err
	})
	return int64(copied), err
}
