package image

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

const (
	// blockSize is the maximum size of a read. It covers the whole header of nearly every image.
	blockSize = 4096
	// windowSize is the minimum size of a read beyond the first block: the size of a trailer, or a field with
	// its neighbours.
	windowSize = 512
	// maxName is the maximum length of a file name in a header. qcow2's specification has 1023; qemu applies
	// it to all formats.
	maxName = 1023
)

// A source is the image being probed: its first block, and a window onto the rest, which moves only if a
// header points elsewhere. Methods do not return errors: missing bytes read as nothing, and err keeps the
// reader's first error.
//
// A source never reads a byte twice. Other processes may change the image, and each field must have one
// value.
type source struct {
	r    io.ReaderAt
	size uint64
	err  error

	head     []byte // the first bytes
	window   []byte // the bytes from windowAt, read last
	windowAt uint64

	seen []span // all ranges that were read
	kept []byte // the data of these ranges

	headSpace   [blockSize]byte
	windowSpace [blockSize]byte
}

// A span is data that was read from an offset.
type span struct {
	at   uint64
	data []byte
}

// maxKept is the capacity of kept, in bytes, that a source keeps for the next image.
const maxKept = 64 << 10

// sources saves the allocation of two blocks for each image of a large pool.
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

// record returns the n <= blockSize bytes at off, or an empty record if the image does not contain all of
// them. The record is valid until the next call.
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
	return record{s.window}.part(off-s.windowAt, n) // empty if the image is shorter than size
}

// offset converts a position to an offset. A position before the image gives an offset beyond its end.
func (s *source) offset(at int64) uint64 {
	if at < 0 {
		return s.size - uint64(-at)
	}
	return uint64(at)
}

// be and le return the number of width bytes at off, or 0 if the image does not contain it.
func (s *source) be(off uint64, width int) uint64 { return bigEndian(s.record(off, width)) }
func (s *source) le(off uint64, width int) uint64 { return littleEndian(s.record(off, width)) }

// name returns the file name of n bytes at off, up to a NUL, as in qemu. It returns "" if the name is too
// long or not within the image.
func (s *source) name(off, n uint64) string {
	if off == 0 || n == 0 || n > maxName {
		return ""
	}
	return s.record(off, int(n)).untilNUL()
}

// lines returns the lines of the text of n bytes at off, up to the first line that is longer than a block. It
// uses the window's memory: no other bytes can be read while lines are read.
func (s *source) lines(off, n uint64) *bufio.Scanner {
	s.window = nil
	scanner := bufio.NewScanner(io.NewSectionReader(s, int64(off), int64(n)))
	scanner.Buffer(s.windowSpace[:], blockSize)
	return scanner
}

// ReadAt implements io.ReaderAt for code that reads text as a stream, so that its read errors are kept too.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n := len(s.read(p, uint64(off)))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read fills p from off, up to the end of the image, and returns the filled part.
func (s *source) read(p []byte, off uint64) []byte {
	for n := 0; n < len(p); {
		known, gap := s.copyKnown(p[n:], off+uint64(n))
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

// copyKnown copies earlier data at off to p, or returns the length of the gap before the next earlier data.
func (s *source) copyKnown(p []byte, off uint64) (n, gap int) {
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

// fetch reads from the image, and keeps the data.
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
