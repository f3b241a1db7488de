package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// A file is an open file of the store. Unlike an os.File, it is not registered with the runtime's poller,
// which would take as long as opening and reading a definition.
type file struct {
	fd   int
	path string
	stat unix.Stat_t // after inspect
}

func (f *file) close() { unix.Close(f.fd) }

// Read implements io.Reader.
func (f *file) Read(b []byte) (int, error) {
	n, err := retry.Read(f.fd, b)
	switch {
	case err != nil:
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: err}
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// inspect sets stat.
func (f *file) inspect() error {
	if err := retry.Fstat(f.fd, &f.stat); err != nil {
		return &fs.PathError{Op: "stat", Path: f.path, Err: err}
	}
	return nil
}

// trusted returns the content of an inspected file, at most codec.MaxInput bytes. If other users can change
// the file, root gets an error, and another user the data and a warning.
func (f *file) trusted() (data []byte, warning, err error) {
	if warning, err = refuseIfRoot(checkTrust(f.path, &f.stat, 0o022)); err != nil {
		return nil, nil, err
	}
	data, err = f.readAll()
	if errors.As(err, &pooldef.Problems{}) {
		err = pooldef.ProblemsIn(f.path, err)
	}
	return data, warning, err
}

// readAll reads an inspected file. A file of more than codec.MaxInput bytes is an error, as Problems.
func (f *file) readAll() ([]byte, error) {
	data := make([]byte, min(f.stat.Size, codec.MaxInput)+1)
	n, err := f.Read(data)
	if errors.Is(err, io.EOF) || err == nil && int64(n) == f.stat.Size {
		return data[:n], nil
	}
	return codec.ReadInput(io.MultiReader(bytes.NewReader(data[:n]), f)) // the file has changed, or is large
}

// readLocked reads an inspected file into one buffer, which is not swapped out. A file of more than most
// bytes is an error, as Problems. If the file has grown since, the rest is cut off.
func (f *file) readLocked(most int) ([]byte, error) {
	if f.stat.Size > int64(most) {
		return nil, pooldef.Problems{{File: f.path, Text: fmt.Sprintf("larger than %d bytes", most)}}
	}
	data := lockedBuffer(int(f.stat.Size))
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // the file has shrunk
		err = nil
	}
	return data[:n], err
}

// lockedBuffer returns a buffer that is not swapped out, within the limits of the user (RLIMIT_MEMLOCK).
func lockedBuffer(size int) []byte {
	data := make([]byte, size)
	_ = unix.Mlock(data)
	return data
}
