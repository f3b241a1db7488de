package host

import (
	"os"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/safeopen"
)

// open returns a file in memory that contains Data. It has no name, so that no other process finds it
// (memfd_create(2)). With Late, open pins File instead.
func (in Input) open(l *Local) (*os.File, error) {
	if in.Late {
		h, err := l.OpenPath(in.File)
		if err != nil {
			return nil, err
		}
		defer h.Close()
		return h.Pin()
	}
	fd, err := unix.MemfdCreate("input", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, safeopen.PathError("memfd_create", in.File, err)
	}
	f := os.NewFile(uintptr(fd), in.File)
	if _, err = f.WriteAt(in.Data, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// A writerFunc is a function that implements io.Writer.
type writerFunc func([]byte)

// Write implements io.Writer.
func (w writerFunc) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
