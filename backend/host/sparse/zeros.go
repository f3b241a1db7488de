package sparse

import (
	"bytes"
	"context"
	"os"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
)

// Block is the least number of zeros that becomes a hole, in bytes: a page, and the block size of nearly all
// file systems.
const Block = 4096

// Zeros is a buffer of zeros. It must not be changed.
var Zeros [1 << 20]byte

// isZero reports whether a buffer of at most 1 MiB contains only zeros.
func isZero(b []byte) bool { return bytes.Equal(b, Zeros[:len(b)]) }

// WriteBlocks writes data that were read from a source without holes, such as a device: it applies holes to
// the blocks of zeros. It returns how many bytes were written.
func WriteBlocks(ctx context.Context, out *os.File, b []byte, to int64, holes Holes) (int, error) {
	if holes == FillHoles {
		return writeAt(out, b, to)
	}
	return EachRun(b, Block, func(at, end int, zero bool) (int, error) {
		switch {
		case !zero:
			return writeAt(out, b[at:end], to+int64(at))
		case holes == ClearHoles:
			return 0, Clear(ctx, out, Punch, to+int64(at), to+int64(end))
		}
		return 0, nil
	})
}

// EachRun splits a buffer into runs of blocks that are zero and of blocks that are not. It returns how many
// bytes do has processed; if do fails, do returns how many bytes of that run it has processed.
func EachRun(b []byte, block int, do func(at, end int, zero bool) (int, error)) (int, error) {
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

// WriteZeros writes zeros to a range of a file.
func WriteZeros(ctx context.Context, f *os.File, from, to int64, progress Progress) error {
	for at := from; at < to; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := writeAt(f, Zeros[:min(to-at, int64(len(Zeros)))], at)
		at += int64(n)
		progress.Report(at, to)
		if err != nil {
			return err
		}
	}
	return nil
}

// writeAt writes a whole buffer and returns how many bytes were written. (os.File.WriteAt returns 0 with an
// error.)
func writeAt(f *os.File, b []byte, at int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retry.Pwrite(int(f.Fd()), b[done:], at+int64(done))
		if err != nil {
			return done, safeopen.PathError("write", f.Name(), err)
		}
		done += n
	}
	return done, nil
}
