package image

import "bytes"

// A record is a sequence of bytes of an image. The image may have fewer bytes than its size says, and may
// change between two reads. Bytes beyond the end of a record read as nothing, so that no short header can
// crash the parser.
type record struct{ data []byte }

// part returns the n bytes at the offset at, or an empty record if r does not contain all of them.
func (r record) part(at uint64, n int) record {
	size := uint64(len(r.data))
	if at > size || uint64(n) > size-at {
		return record{}
	}
	return record{r.data[at : at+uint64(n)]}
}

// be and le return the number of width bytes at the offset at, or 0 if r does not contain it.
func (r record) be(at uint64, width int) uint64 { return bigEndian(r.part(at, width)) }
func (r record) le(at uint64, width int) uint64 { return littleEndian(r.part(at, width)) }

// has reports whether text is at the offset at.
func (r record) has(at uint64, text string) bool { return string(r.part(at, len(text)).data) == text }

// isEmpty reports whether the image did not contain the requested bytes.
func (r record) isEmpty() bool { return len(r.data) == 0 }

// untilNUL returns the text before the first NUL, or all of it.
func (r record) untilNUL() string {
	text, _, _ := bytes.Cut(r.data, []byte{0})
	return string(text)
}

// sum returns the sum of the bytes.
func (r record) sum() (sum uint32) {
	for _, c := range r.data {
		sum += uint32(c)
	}
	return sum
}

func bigEndian(r record) (v uint64) {
	for _, c := range r.data {
		v = v<<8 | uint64(c)
	}
	return v
}

func littleEndian(r record) (v uint64) {
	for i := len(r.data) - 1; i >= 0; i-- {
		v = v<<8 | uint64(r.data[i])
	}
	return v
}
