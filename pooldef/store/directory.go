package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"poolctl/backend/host/retry"
	"poolctl/backend/host/safeopen"
	"poolctl/pooldef"
)

// A directory is an open directory of the store. Files are opened relative to its descriptor, so that the
// directory that was checked is the one that is read, even if its path has been replaced.
type directory struct {
	path    string
	fd      safeopen.FD // -1 if the directory cannot be opened
	warning error       // other users can change the directory; nil for root, for whom that is in err
	err     error       // why the files cannot be used

	listed map[string]bool // the names that list returned; nil before

	opened sync.Once
	marks  *directory // of the autostart links, if they were opened
}

// openDirectory opens a directory and checks who can change it. Symbolic links in the path are followed. The
// error is in err of the result.
func openDirectory(path string) *directory {
	fd, err := retry.Openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return newDirectory(path, fd, safeopen.PathError("open", path, err))
}

// subdirectory opens a directory in d, which must not be a symbolic link.
func (d *directory) subdirectory(name string) *directory {
	f, err := d.open(name, unix.O_DIRECTORY)
	if err != nil {
		return newDirectory(filepath.Join(d.path, name), -1, err)
	}
	return newDirectory(f.path, f.fd, nil)
}

func newDirectory(path string, fd int, err error) *directory {
	d := &directory{path: path, fd: safeopen.FD(fd), err: err}
	if err == nil {
		opened := file{fd: fd, path: path}
		if d.err = opened.inspect(); d.err == nil {
			d.warning, d.err = refuseIfRoot(checkTrust(path, &opened.stat, 0o022))
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
	if d.fd >= 0 {
		d.fd.Close()
	}
}

// open opens a file without blocking and without following a symbolic link.
func (d *directory) open(name string, flags int) (*file, error) {
	if d.err != nil {
		return nil, d.err
	}
	f := &file{path: filepath.Join(d.path, name)}
	flags |= unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_CLOEXEC
	var err error
	f.fd, err = retry.Openat(int(d.fd), name, flags, 0)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, pooldef.Problems{{File: f.path, Text: "it is a symbolic link, not a file"}}
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: f.path, Err: err}
	}
	return f, nil
}

// list returns the directory's entries, in no order.
func (d *directory) list() ([]safeopen.DirEntry, error) {
	if d.err != nil {
		return nil, d.err
	}
	files, err := safeopen.ReadDir(d.fd)
	if err != nil {
		return nil, safeopen.PathError("readdirent", d.path, err)
	}
	d.listed = make(map[string]bool, len(files))
	for _, f := range files {
		d.listed[f.Name] = true
	}
	return files, nil
}

// mayHave reports whether a file may exist in d. After list, it answers for the time of the listing.
func (d *directory) mayHave(name string) bool { return d.listed == nil || d.listed[name] }

// hasMark reports whether a definition in d may have an autostart link.
func (d *directory) hasMark(name string) bool {
	if d.marks != nil && d.marks.listed != nil {
		return d.marks.listed[name]
	}
	_, err := d.stat("autostart/"+name, unix.AT_SYMLINK_NOFOLLOW)
	return !errors.Is(err, fs.ErrNotExist)
}

// read returns the content of a regular file, as trusted does.
func (d *directory) read(name string) (data []byte, warning, err error) {
	f, err := d.openRegular(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.close()
	return f.trusted()
}

// readSecret returns the content of a file with a secret, at most most bytes, in memory that is not swapped
// out. A file that belongs to another user, or has one of the forbidden mode bits, is an error for every
// user.
func (d *directory) readSecret(name string, forbidden uint32, most int) ([]byte, error) {
	f, err := d.openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if err := checkTrust(f.path, &f.stat, forbidden); err != nil {
		return nil, err
	}
	return f.readLocked(most)
}

// openRegular opens and inspects a regular file.
func (d *directory) openRegular(name string) (*file, error) {
	f, err := d.open(name, 0)
	if err != nil {
		return nil, err
	}
	if err = f.inspect(); err == nil && f.stat.Mode&unix.S_IFMT != unix.S_IFREG {
		err = pooldef.Problems{{File: f.path, Text: "it is not a file"}}
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// stat returns the status of a name in d. Symbolic links are followed unless flags has AT_SYMLINK_NOFOLLOW.
func (d *directory) stat(name string, flags int) (unix.Stat_t, error) {
	var stat unix.Stat_t
	if d.err != nil {
		return stat, d.err
	}
	if err := retry.Fstatat(int(d.fd), name, &stat, flags); err != nil {
		return stat, &fs.PathError{Op: "stat", Path: filepath.Join(d.path, name), Err: err}
	}
	return stat, nil
}
