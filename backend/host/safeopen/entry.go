package safeopen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
)

// An Entry is a name in an open directory: the pair of arguments that openat(2) and its relatives take. The
// name need not exist.
type Entry struct {
	Dir  int // O_PATH descriptor
	Name string

	device uint64 // the only file system that the entry may lead to, as a link; 0: any
	done   func() // releases the directory
}

// FindEntry opens the directory of a path. The caller closes the entry.
func FindEntry(path string) (Entry, error) {
	trimmed := strings.TrimRight(path, "/")
	at := strings.LastIndexByte(trimmed, '/') + 1
	dir, name := trimmed[:at], trimmed[at:]
	switch {
	case name == "" || name == "." || name == "..":
		dir, name = path, "."
	case dir == "":
		dir = "."
	}
	fd, err := Follow(dir)
	if err != nil {
		return Entry{}, PathError("open", path, Cause(err))
	}
	return Entry{Dir: int(fd), Name: name, done: fd.Close}, nil
}

// NewEntry returns an entry of a directory that the caller has open. Close calls done. A symbolic link at the
// entry may lead only to files of the file system with the number device, unless device is 0.
func NewEntry(dir int, name string, device uint64, done func()) Entry {
	return Entry{dir, name, device, done}
}

// Close releases the directory.
func (e Entry) Close() {
	if e.done != nil {
		e.done()
	}
}

// Borrow returns the entry without its ownership of the directory: closing the result does nothing.
func (e Entry) Borrow() Entry { return Entry{Dir: e.Dir, Name: e.Name} }

// SyncDir writes the names in the entry's directory to the disk. path is the entry's, for messages.
func (e Entry) SyncDir(path string) error { return SyncDirAt(e.Dir, ".", filepath.Dir(path)) }

// SyncDirAt writes the names in a directory to the disk. Old kernels cannot do that over CIFS; this is not an
// error.
func SyncDirAt(dir int, name, path string) error {
	f, err := OpenAt(dir, name, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

// procPath returns a path of the entry that leads into its open directory, whatever happens to the
// directory's name.
func (e Entry) procPath() string { return fmt.Sprintf("/proc/self/fd/%d/%s", e.Dir, e.Name) }

// OpenAt opens a name in a directory with flags of openat(2), and creates files with mode 0600. path is for
// messages.
func OpenAt(dir int, name, path string, flags int) (*os.File, error) {
	var fd int
	fd, err := retry.Openat(dir, name, flags|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.ESTALE) { // a server has removed the file
		err = unix.ENOENT
	}
	if err != nil {
		return nil, PathError("open", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenDirAt opens a directory in a directory. It does not follow a symbolic link. path is for messages.
func OpenDirAt(dir int, name, path string) (*os.File, error) {
	return OpenAt(dir, name, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
}

// PathError returns an error of an operation on a path in the form of package os. It returns nil for nil.
func PathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// Cause returns the error inside an *fs.PathError, and any other error as is. Callers use it to replace a
// path that the user did not name.
func Cause(err error) error {
	if where, ok := err.(*fs.PathError); ok { //nolint:errorlint // as it comes from package os
		return where.Err
	}
	return err
}
