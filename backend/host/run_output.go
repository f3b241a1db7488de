package host

import "bytes"

// How much of what a program prints is kept in memory. More than mostOutput is no answer: a listing of a million volumes has less.
const (
	maxOutput = 1 << 30
	maxStderr = 1 << 20
)

// An cappedBuffer keeps what a program prints, as long as there is room.
type cappedBuffer struct {
	kept      bytes.Buffer
	room      int
	truncates bool   // what there is no room for is left out
	onFull    func() // otherwise it ends the program
}

// Write implements io.Writer.
func (o *cappedBuffer) Write(b []byte) (int, error) {
	if room := o.room - o.kept.Len(); len(b) > room {
		if !o.truncates {
			o.onFull()
		}
		o.kept.Write(b[:room])
		return len(b), nil
	}
	return o.kept.Write(b)
}
