package host

import (
	"bytes"
	"errors"
	"io"
)

// The most output of a program that is kept in memory, in bytes. More standard output than maxOutput is an
// error: a listing of a million volumes is shorter.
const (
	maxOutput = 1 << 30
	maxStderr = 1 << 20
)

// A cappedBuffer keeps up to room bytes that a program prints.
type cappedBuffer struct {
	kept      []byte
	room      int
	truncates bool   // drop the rest
	onFull    func() // without truncates: called when there is more, to end the program
}

// ReadFrom implements io.ReaderFrom, which os/exec uses: the output is read to where it stays.
func (o *cappedBuffer) ReadFrom(r io.Reader) (total int64, err error) {
	for err == nil {
		o.grow()
		var n int
		n, err = r.Read(o.kept[len(o.kept):cap(o.kept)])
		total += int64(n)
		o.keep(n)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return total, err
}

// Write implements io.Writer.
func (o *cappedBuffer) Write(b []byte) (int, error) {
	n, err := o.ReadFrom(bytes.NewReader(b))
	return int(n), err
}

// keep keeps n bytes that are behind those kept, as far as there is room.
func (o *cappedBuffer) keep(n int) {
	if n > o.room-len(o.kept) {
		n = o.room - len(o.kept)
		if !o.truncates {
			o.onFull()
		}
	}
	o.kept = o.kept[:len(o.kept)+n]
}

// grow makes room for a read. Memory that has not been written takes no room, so that long outputs get much
// at once: each copy would touch it again.
func (o *cappedBuffer) grow() {
	const least, factor = 8 << 10, 8
	if cap(o.kept)-len(o.kept) < least/2 {
		grown := make([]byte, len(o.kept), max(least, factor*cap(o.kept)))
		copy(grown, o.kept)
		o.kept = grown
	}
}
