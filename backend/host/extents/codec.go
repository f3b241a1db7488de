// Package extents converts between files and streams of extents. Programs that alone can access their
// volumes, such as rbd and dog, read and write these streams.
//
// A stream consists of extents, each with its offset in the volume. A [Codec] is the format of one program. A
// [Writer] writes the data of a file or pipe as extents. A [Reader] writes the data of extents to a file or
// pipe.
package extents

import "io"

// A Codec is the format in which a program reads a volume's data from a pipe, or writes them to one.
type Codec interface {
	// Begin and End return what precedes and follows the extents.
	Begin() []byte
	End() []byte
	// Data returns the header of an extent with data; length bytes of data follow. Zeros returns an extent of
	// zeros. Offset and length are in bytes.
	Data(offset, length uint64) []byte
	Zeros(offset, length uint64) []byte
	// Next reads the header of the next extent. If hasData, length bytes of data follow in r. After the last
	// extent, Next returns io.EOF.
	Next(r io.Reader) (offset, length uint64, hasData bool, err error)
}
