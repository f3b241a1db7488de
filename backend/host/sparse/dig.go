package sparse

import (
	"context"
	"errors"
	"io"
	"os"

	"poolctl/backend/host/safeopen"
)

// DeviceBlock is the least number of zeros of a device that DigHoles deallocates, in bytes: the smallest unit
// of a thin volume (lvmthin(7), chunk size).
const DeviceBlock = 64 << 10

// DigHoles deallocates the blocks of zeros of a file, or of a device that reads as zeros where nothing is
// allocated. Other processes must not be writing to it.
func DigHoles(ctx context.Context, f *os.File, progress Progress) error {
	size, err := Size(f)
	if err != nil {
		return err
	}
	d := digger{f: f, block: Block, begin: -1}
	if IsBlock(f) {
		d.block = DeviceBlock
	}
	buffer := make([]byte, len(Zeros))
	for at := int64(0); at < size; {
		start, stop := NextData(f, at, size)
		part := buffer[:min(stop-start, int64(len(buffer)))]
		if n, err := safeopen.FD(f.Fd()).ReadAt(part, start); n < len(part) {
			if err == nil || errors.Is(err, io.EOF) {
				err = errors.New("it shrank while it was read")
			}
			return safeopen.PathError("read", f.Name(), err)
		}
		if err := d.dig(ctx, part, start); err != nil {
			return err
		}
		at = start + int64(len(part))
		progress.Report(at, size)
	}
	return d.end(ctx, size)
}

// A digger deallocates runs of zeros, which may be longer than a buffer.
type digger struct {
	f     *os.File
	block int
	begin int64 // of a run of zeros; -1: none
}

// dig processes data that were read from an offset. What is between them and the data before is a hole.
func (d *digger) dig(ctx context.Context, data []byte, start int64) error {
	_, err := EachRun(data, d.block, func(at, end int, zero bool) (int, error) {
		switch {
		case !zero:
			return end - at, d.end(ctx, start+int64(at))
		case d.begin < 0:
			d.begin = start + int64(at)
		}
		return end - at, nil
	})
	return err
}

// end deallocates the run of zeros that ends at an offset, if there is one.
func (d *digger) end(ctx context.Context, to int64) error {
	from := d.begin
	if d.begin = -1; from < 0 {
		return nil
	}
	return InChunks(ctx, from, to, func(from, length int64) error {
		return safeopen.PathError("deallocate", d.f.Name(), Discard(d.f, from, length))
	})
}
