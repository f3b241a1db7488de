package host

import "bytes"

// How much of what a program prints is kept in memory. More than mostOutput is no answer: a listing of a million volumes has less.
const (
	mostOutput    = 1 << 30
	mostComplaint = 1 << 20
)

// An output keeps what a program prints, as long as there is room.
type output struct {
	kept bytes.Buffer
	room int
	cuts bool   // what there is no room for is left out
	full func() // otherwise it ends the program
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	if room := o.room - o.kept.Len(); len(b) > room {
		if !o.cuts {
			o.full()
		}
		o.kept.Write(b[:room])
		return len(b), nil
	}
	return o.kept.Write(b)
}
