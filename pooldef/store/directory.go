package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"poolctl/pooldef"
	"poolctl/pooldef/codec"
)

// A directory is an open directory of the store. Its files are opened below its descriptor: the directory that was checked is
// the one that is read, whatever its path leads to by then.
type directory struct {
	path    string
	dir     *os.File
	warning error // why its files should not be relied on; root is refused them
	err     error // why its files cannot be used
}

// openDirectory opens a directory and checks who can change it. Symbolic links on the way are followed. A failure is in err.
func openDirectory(path string) *directory {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	return newDirectory(path, f, err)
}

// subdirectory opens a directory below d, which must not be a symbolic link.
func (d *directory) subdirectory(name string) *directory {
	f, err := d.open(name, unix.O_DIRECTORY)
	return newDirectory(filepath.Join(d.path, name), f, err)
}

func newDirectory(path string, f *os.File, err error) *directory {
	d := &directory{path: path, dir: f, err: err}
	if err == nil {
		var stat unix.Stat_t
		if d.err = fstat(f, &stat); d.err == nil {
			d.warning, d.err = refuseIfRoot(checkTrust(path, &stat, 0o022))
		}
	}
	return d
}

func (d *directory) close() {
	if d.dir != nil {
		d.dir.Close()
	}
}

// open opens a file, never waits for it, and does not follow a symbolic link.
func (d *directory) open(name string, flags int) (*os.File, error) {
	if d.err != nil {
		return nil, d.err
	}
	path := filepath.Join(d.path, name)
	fd := -1
	err := retryEINTR(func() (err error) {
		fd, err = unix.Openat(int(d.dir.Fd()), name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0)
		return err
	})
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, pooldef.Problems{{File: path, Text: "it is a symbolic link, not a file"}}
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// list returns what is in the directory, in no order.
func (d *directory) list() ([]fs.DirEntry, error) {
	if d.err != nil {
		return nil, d.err
	}
	return d.dir.ReadDir(-1)
}

// read returns at most MaxInput bytes of a regular file that others cannot change. doubt is set, and data are returned, if
// they can and the user is not root.
func (d *directory) read(name string) (data []byte, doubt, err error) {
	f, stat, err := d.openRegular(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if doubt, err = refuseIfRoot(checkTrust(f.Name(), stat, 0o022)); err != nil {
		return nil, nil, err
	}
	data, err = codec.ReadInput(f)
	if errors.As(err, &pooldef.Problems{}) {
		err = pooldef.ProblemsIn(f.Name(), err)
	}
	return data, doubt, err
}

// readSecret is read for a secret: what others can change, or what has one of the forbidden bits in its mode, is an error for
// everybody. Its bytes are kept from swap.
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

// readLocked reads a file of this size into one place in memory, which is kept from swap. A larger one than allowed is refused by
// Problems; one that has grown meanwhile is cut.
func readLocked(f *os.File, size int64, most int) ([]byte, error) {
	if size > int64(most) {
		return nil, pooldef.Problems{{File: f.Name(), Text: fmt.Sprintf("larger than %d bytes", most)}}
	}
	data := lockedBuffer(int(size))
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // it has shrunk
		err = nil
	}
	return data[:n], err
}

// lockedBuffer returns a buffer that is kept from swap, if the user may have that (RLIMIT_MEMLOCK).
func lockedBuffer(size int) []byte {
	data := make([]byte, size)
	_ = unix.Mlock(data)
	return data
}

// retryEINTR makes a system call again when a signal interrupts it, as network file systems let any signal.
func retryEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// stat looks at what a name stands for: at a symbolic link itself if flags has AT_SYMLINK_NOFOLLOW.
func (d *directory) stat(name string, flags int) (unix.Stat_t, error) {
	var stat unix.Stat_t
	if d.err != nil {
		return stat, d.err
	}
	if err := retryEINTR(func() error { return unix.Fstatat(int(d.dir.Fd()), name, &stat, flags) }); err != nil {
		return stat, &fs.PathError{Op: "stat", Path: filepath.Join(d.path, name), Err: err}
	}
	return stat, nil
}

func fstat(f *os.File, stat *unix.Stat_t) error {
	if err := retryEINTR(func() error { return unix.Fstat(int(f.Fd()), stat) }); err != nil {
		return &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return nil
}
