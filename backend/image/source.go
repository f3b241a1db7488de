package image

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

const (
	// blockSize is the most that is read at once. It holds the whole header of nearly every image.
	blockSize = 4096
	// windowSize is the least that is read beyond the first block: a trailer's size, and room for the neighbours of a field.
	windowSize = 512
	// maxName is the longest file name in a header. qcow2's specification says 1023; qemu holds every format to it.
	maxName = 1023
)

// A source is the image that is being probed: its first block, and a window onto the rest that moves only when a header points there.
// Reading is asked for bytes, not errors: what the image does not hold is missing, and the reader's first error is kept in err.
type source struct {
	r    io.ReaderAt
	size uint64
	err  error

	head     []byte // the first bytes
	window   []byte // the bytes from windowAt that were read last
	windowAt uint64

	headSpace   [blockSize]byte
	windowSpace [blockSize]byte
}

// sources saves an allocation of two blocks for each image of a large pool.
var sources = sync.Pool{New: func() any { return new(source) }}

func open(r io.ReaderAt, size int64) *source {
	s := sources.Get().(*source)
	s.r, s.size = r, uint64(max(size, 0))
	s.head = s.read(s.headSpace[:min(blockSize, s.size)], 0)
	return s
}

func (s *source) close() {
	s.r, s.err, s.head, s.window = nil, nil, nil, nil
	sources.Put(s)
}

// record returns the n <= blockSize bytes from off, or an empty record when the image does not hold all of them. It is valid until the
// next call.
func (s *source) record(off uint64, n int) record {
	end := off + uint64(n)
	if end < off || end > s.size {
		return record{}
	}
	if end <= uint64(len(s.head)) {
		return record{s.head[off:end]}
	}
	if off < s.windowAt || end > s.windowAt+uint64(len(s.window)) {
		length := min(max(uint64(n), windowSize), s.size-off)
		s.window, s.windowAt = s.read(s.windowSpace[:length], off), off
	}
	return record{s.window}.part(off-s.windowAt, n) // empty if the image has become shorter than size
}

// from turns a position into an offset: a negative one counts from the end. What begins before the image is an offset beyond it.
func (s *source) from(at int64) uint64 {
	if at < 0 {
		return s.size - uint64(-at)
	}
	return uint64(at)
}

// be and le return the number of width bytes at off, 0 when the image does not hold it.
func (s *source) be(off uint64, width int) uint64 { return bigEndian(s.record(off, width)) }
func (s *source) le(off uint64, width int) uint64 { return littleEndian(s.record(off, width)) }

// name returns the file name of n bytes at off. One that is too long or that leaves the image is none; a NUL ends it, as it would in qemu.
func (s *source) name(off, n uint64) string {
	if off == 0 || n == 0 || n > maxName {
		return ""
	}
	return s.record(off, int(n)).untilNUL()
}

// lines returns the lines of the text of n bytes from off, up to the first that is longer than a block. It uses the window's space:
// the source must not be asked for bytes while lines are read.
func (s *source) lines(off, n uint64) *bufio.Scanner {
	s.window = nil
	scanner := bufio.NewScanner(io.NewSectionReader(s, int64(off), int64(n)))
	scanner.Buffer(s.windowSpace[:], blockSize)
	return scanner
}

// ReadAt reads for those that read text as a stream, so that also their errors are kept.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n := len(s.read(p, uint64(off)))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read fills p from off as far as the image reaches and returns what it filled.
func (s *source) read(p []byte, off uint64) []byte {
	if s.err != nil || len(p) == 0 {
		return nil
	}
	n, err := s.r.ReadAt(p, int64(off))
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
		return nil
	}
	return p[:n]
}
