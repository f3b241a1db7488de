package host

import "bytes"

// The most output of a program that is kept in memory, in bytes. More standard output than maxOutput is an
// error: a listing of a million volumes is shorter.
const (
	maxOutput = 1 << 30
	maxStderr = 1 << 20
)

// A cappedBuffer keeps up to room bytes that a program prints.
type cappedBuffer struct {
	kept      bytes.Buffer
	room      int
	truncates bool   // drop the rest
	onFull    func() // without truncates: called when there is more, to end the program
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
