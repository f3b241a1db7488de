package rbd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"poolctl/backend"
)

// diff is the format in which rbd writes and reads extents of an image
// (https://docs.ceph.com/en/latest/dev/rbd-diff/).
type diff struct{}

const diffHeader = "rbd diff v1\n"

// Begin implements host.PieceFormat.
func (diff) Begin() []byte { return []byte(diffHeader) }

// End implements host.PieceFormat.
func (diff) End() []byte { return []byte("e") }

// Data implements host.PieceFormat.
func (diff) Data(offset, length uint64) []byte { return span('w', offset, length) }

// Zeros implements host.PieceFormat.
func (diff) Zeros(offset, length uint64) []byte { return span('z', offset, length) }

func span(tag byte, offset, length uint64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte{tag}, offset)
	return binary.LittleEndian.AppendUint64(b, length)
}

// Next implements host.PieceFormat. A diff that ends without an end tag gives io.ErrUnexpectedEOF.
func (d diff) Next(r io.Reader) (offset, length uint64, hasData bool, err error) {
	var tag [1]byte
	if _, err := io.ReadFull(r, tag[:]); err != nil {
		return 0, 0, false, unexpectedEOF(err)
	}
	var numbers [16]byte
	switch tag[0] {
	case 'r': // the header
		rest := make([]byte, len(diffHeader)-1)
		if _, err = io.ReadFull(r, rest); err == nil && string(rest) != diffHeader[1:] {
			err = fmt.Errorf("unexpected format of rbd's diff: r%q", rest)
		}
		return 0, 0, false, unexpectedEOF(err)
	case 's': // the image's size
		_, err = io.ReadFull(r, numbers[:8])
		return 0, 0, false, unexpectedEOF(err)
	case 'w', 'z':
		_, err = io.ReadFull(r, numbers[:])
		offset, length = binary.LittleEndian.Uint64(numbers[:]), binary.LittleEndian.Uint64(numbers[8:])
		wrong := backend.CheckSizes("rbd export-diff", "end of a piece", offset, length)
		if err == nil && wrong != nil {
			return 0, 0, false, wrong
		}
		return offset, length, tag[0] == 'w', unexpectedEOF(err)
	case 'e':
		return 0, 0, false, io.EOF
	}
	return 0, 0, false, fmt.Errorf("unexpected format of rbd's diff: %q", tag)
}

func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
