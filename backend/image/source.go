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
//
// No byte is read twice, whatever asks for it: others may change the image meanwhile, and a field has one
// value.
type source struct {
	r    io.ReaderAt
	size uint64
	err  error

	head     []byte // the first bytes
	window   []byte // the bytes from windowAt that were read last
	windowAt uint64

	seen []span // all that was read
	kept []byte // where their bytes are

	headSpace   [blockSize]byte
	windowSpace [blockSize]byte
}

// A span is what was read from an offset on.
type span struct {
	at   uint64
	data []byte
}

// maxKept is how much room for what was read a source keeps for the next image.
const maxKept = 64 << 10

// sources saves an allocation of two blocks for each image of a large pool.
var sources = sync.Pool{New: func() any { return new(source) }}

func open(r io.ReaderAt, size int64) *source {
	s := sources.Get().(*source)
	s.r, s.size = r, uint64(max(size, 0))
	s.head = s.read(s.headSpace[:min(blockSize, s.size)], 0)
	return s
}

func (s *source) close() {
	clear(s.seen)
	s.r, s.err, s.head, s.window, s.seen = nil, nil, nil, nil, s.seen[:0]
	if s.kept = s.kept[:0]; cap(s.kept) > maxKept {
		s.kept = nil
	}
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
	for n := 0; n < len(p); {
		known, gap := s.known(p[n:], off+uint64(n))
		if n += known; known == 0 {
			fresh := s.fetch(p[n:n+gap], off+uint64(n))
			if s.err != nil {
				return nil
			}
			if n += fresh; fresh < gap {
				return p[:n]
			}
		}
	}
	return p
}

// known copies to p what was read at off before, or returns up to where nothing was.
func (s *source) known(p []byte, off uint64) (n, gap int) {
	gap = len(p)
	for _, have := range s.seen {
		switch {
		case off >= have.at && off-have.at < uint64(len(have.data)):
			return copy(p, have.data[off-have.at:]), 0
		case have.at > off:
			gap = int(min(uint64(gap), have.at-off))
		}
	}
	return 0, gap
}

// fetch reads from the image, and keeps what it has read.
func (s *source) fetch(p []byte, off uint64) int {
	if s.err != nil {
		return 0
	}
	n, err := s.r.ReadAt(p, int64(off))
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
		return 0
	}
	if n > 0 {
		begin := len(s.kept)
		s.kept = append(s.kept, p[:n]...)
		s.seen = append(s.seen, span{off, s.kept[begin:]})
	}
	return n
}
