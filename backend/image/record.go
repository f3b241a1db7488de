package image

import "bytes"

// A record is bytes of an image, which may have fewer than its size said and may change between two reads. It
// cannot be indexed: what a record does not hold reads as nothing, so that no header, however short, is a
// fault of the parser.
type record struct{ data []byte }

// part returns the n bytes at the offset at, or an empty record when r does not hold all of them.
func (r record) part(at uint64, n int) record {
	size := uint64(len(r.data))
	if at > size || uint64(n) > size-at {
		return record{}
	}
	return record{r.data[at : at+uint64(n)]}
}

// be and le return the number of width bytes at the offset at, 0 when r does not hold it.
func (r record) be(at uint64, width int) uint64 { return bigEndian(r.part(at, width)) }
func (r record) le(at uint64, width int) uint64 { return littleEndian(r.part(at, width)) }

// has reports whether text stands at the offset at.
func (r record) has(at uint64, text string) bool { return string(r.part(at, len(text)).data) == text }

// isEmpty reports whether the image did not hold what was asked for.
func (r record) isEmpty() bool { return len(r.data) == 0 }

// untilNUL returns the text before the first NUL, or all of it.
func (r record) untilNUL() string {
	text, _, _ := bytes.Cut(r.data, []byte{0})
	return string(text)
}

// sum adds up the bytes.
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
