package host

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

// Write implements io.Writer.
func (o *cappedBuffer) Write(b []byte) (int, error) {
	n := len(b)
	if room := o.room - len(o.kept); n > room {
		if !o.truncates {
			o.onFull()
		}
		b = b[:room]
	}
	o.grow(len(o.kept) + len(b))
	o.kept = append(o.kept, b...)
	return n, nil
}

// grow makes the capacity at least size. Memory that has not been written takes no room, so that long outputs
// get much at once: each copy would touch it again.
func (o *cappedBuffer) grow(size int) {
	const short, long = 32 << 10, 2 << 20
	if size <= max(cap(o.kept), short) {
		return
	}
	grown := make([]byte, len(o.kept), max(2*size, long))
	copy(grown, o.kept)
	o.kept = grown
}
