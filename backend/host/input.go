package host

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// open returns a file in memory that holds the input. It has no name: nobody finds it (memfd_create(2)).
func (in Input) open() (*os.File, error) {
	fd, err := unix.MemfdCreate("input", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, pathError("memfd_create", in.File, err)
	}
	f := os.NewFile(uintptr(fd), in.File)
	if _, err = f.WriteAt(in.Data, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// percentWriter tells of each (12.50/100%) that is written.
type percentWriter func(float64)

// Write implements io.Writer.
func (w percentWriter) Write(b []byte) (int, error) {
	_, rest, _ := bytes.Cut(b, []byte("(")) // what is before may be the end of a number
	for part := range bytes.SplitSeq(rest, []byte("(")) {
		number, _, found := bytes.Cut(part, []byte("/100%)"))
		if !found {
			continue
		}
		if percent, err := strconv.ParseFloat(string(number), 64); err == nil {
			w(percent)
		}
	}
	return len(b), nil
}
