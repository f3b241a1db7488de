package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// A directory is an open directory of the store. Files are opened relative to its descriptor, so that the
// directory that was checked is the one that is read, even if its path has been replaced.
type directory struct {
	path    string
	file    *os.File
	warning error // other users can change the directory; nil for root, for whom that is in err
	err     error // why the files cannot be used

	opened sync.Once
	marks  *directory // of the autostart links, if they were opened
}

// openDirectory opens a directory and checks who can change it. Symbolic links in the path are followed. The
// error is in err of the result.
func openDirectory(path string) *directory {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	return newDirectory(path, f, err)
}

// subdirectory opens a directory in d, which must not be a symbolic link.
func (d *directory) subdirectory(name string) *directory {
	f, err := d.open(name, unix.O_DIRECTORY)
	return newDirectory(filepath.Join(d.path, name), f, err)
}

func newDirectory(path string, f *os.File, err error) *directory {
	d := &directory{path: path, file: f, err: err}
	if err == nil {
		var stat unix.Stat_t
		if d.err = fstat(f, &stat); d.err == nil {
			d.warning, d.err = refuseIfRoot(checkTrust(path, &stat, 0o022))
		}
	}
	return d
}

// autostart returns the directory of the autostart links, which is opened once and closed with d.
func (d *directory) autostart() *directory {
	d.opened.Do(func() { d.marks = d.subdirectory("autostart") })
	return d.marks
}

func (d *directory) close() {
	if d.marks != nil {
		d.marks.close()
	}
	if d.file != nil {
		d.file.Close()
	}
}

// open opens a file without blocking and without following a symbolic link.
func (d *directory) open(name string, flags int) (*os.File, error) {
	if d.err != nil {
		return nil, d.err
	}
	path := filepath.Join(d.path, name)
	flags |= unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := retry.Openat(int(d.file.Fd()), name, flags, 0)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, pooldef.Problems{{File: path, Text: "it is a symbolic link, not a file"}}
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// list returns the directory's entries, in no order.
func (d *directory) list() ([]fs.DirEntry, error) {
	if d.err != nil {
		return nil, d.err
	}
	return d.file.ReadDir(-1)
}

// read returns the content of a regular file, at most codec.MaxInput bytes. If other users can change the
// file, root gets an error, and another user the data and a warning.
func (d *directory) read(name string) (data []byte, warning, err error) {
	f, stat, err := d.openRegular(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if warning, err = refuseIfRoot(checkTrust(f.Name(), stat, 0o022)); err != nil {
		return nil, nil, err
	}
	data, err = codec.ReadInput(f)
	if errors.As(err, &pooldef.Problems{}) {
		err = pooldef.ProblemsIn(f.Name(), err)
	}
	return data, warning, err
}

// readSecret returns the content of a file with a secret, at most most bytes, in memory that is not swapped
// out. A file that belongs to another user, or has one of the forbidden mode bits, is an error for every
// user.
func (d *directory) readSecret(name string, forbidden uint32, most int) ([]byte, error) {
	f, stat, err := d.openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkTrust(f.Name(), stat, forbidden); err != nil {
		return nil, err
	}
	return readLocked(f, stat.Size, most)
}

func (d *directory) openRegular(name string) (*os.File, *unix.Stat_t, error) {
	f, err := d.open(name, 0)
	if err != nil {
		return nil, nil, err
	}
	var stat unix.Stat_t
	if err = fstat(f, &stat); err == nil && stat.Mode&unix.S_IFMT != unix.S_IFREG {
		err = pooldef.Problems{{File: f.Name(), Text: "it is not a file"}}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, &stat, nil
}

// readLocked reads a file of this size into one buffer, which is not swapped out. A file of more than most
// bytes is an error, as Problems. If the file has grown since, the rest is cut off.
func readLocked(f *os.File, size int64, most int) ([]byte, error) {
	if size > int64(most) {
		return nil, pooldef.Problems{{File: f.Name(), Text: fmt.Sprintf("larger than %d bytes", most)}}
	}
	data := lockedBuffer(int(size))
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

// stat returns the status of a name in d. Symbolic links are followed unless flags has AT_SYMLINK_NOFOLLOW.
func (d *directory) stat(name string, flags int) (unix.Stat_t, error) {
	var stat unix.Stat_t
	if d.err != nil {
		return stat, d.err
	}
	if err := retry.Fstatat(int(d.file.Fd()), name, &stat, flags); err != nil {
		return stat, &fs.PathError{Op: "stat", Path: filepath.Join(d.path, name), Err: err}
	}
	return stat, nil
}

func fstat(f *os.File, stat *unix.Stat_t) error {
	if err := retry.Fstat(int(f.Fd()), stat); err != nil {
		return &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return nil
}
