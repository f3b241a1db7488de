package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Draft is a new file beside the place that it takes when it is whole (Publish), and what was there before goes. Until then
// nobody else can work with that. What is there and is no regular file, a device or a pipe, is written to as it is.
type Draft struct {
	path  string // where it goes; no symbolic link
	place bool   // it is written in its place
	mode  fs.FileMode

	uid, gid int // of what is there, otherwise -1

	file, old *os.File
}

// NewDraft looks what is at a path, and changes nothing. A new file gets mode less the umask, an old one's stays, and its owner,
// if we may give it to him.
func NewDraft(path string, mode fs.FileMode) (*Draft, error) {
	d := &Draft{path: path, mode: mode &^ umask(), uid: -1, gid: -1}
	h, err := Hold(path)
	if errors.Is(err, fs.ErrNotExist) {
		if link, err := os.Lstat(path); err == nil && link.Mode().Type() == fs.ModeSymlink {
			return nil, fmt.Errorf("%q is a symbolic link to what is not there: %w", path, fs.ErrNotExist)
		}
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := h.trust(unix.AT_FDCWD, path); err != nil {
		return nil, err
	}
	if h.IsDir() {
		return nil, pathError("open", path, unix.EISDIR)
	}
	d.place, d.mode, d.uid, d.gid = !h.IsFile(), fs.FileMode(h.Mode).Perm(), int(h.Uid), int(h.Gid)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		d.path = real
	} else if !d.place {
		return nil, err
	}
	return d, nil
}

// umask can only be had by setting another one.
func umask() fs.FileMode {
	mask := syscall.Umask(0o077)
	syscall.Umask(mask)
	return fs.FileMode(mask)
}

// File is what to write to; nil in a dry run.
func (d *Draft) File() *os.File { return d.file }

// Name is what a shell would write to. A draft is called as a stage is: it may be in the directory of a pool, where it is no volume.
func (d *Draft) Name() string {
	dir, name := filepath.Split(d.path)
	if d.place {
		return d.path
	}
	return fmt.Sprintf("%s.poolctl-%.8x", dir, sha256.Sum256([]byte("file "+name)))
}

// Shell implements Step.
func (d *Draft) Shell() string {
	if d.place {
		return "[ -w " + Quote(d.path) + " ]"
	}
	install := fmt.Sprintf("install -m %04o", d.mode)
	if d.uid >= 0 {
		install += fmt.Sprintf(" -o %d -g %d", d.uid, d.gid)
	}
	return install + " /dev/null " + Quote(d.Name())
}

// apply opens the draft. One that another process is writing, or an old file that it works with, is an InUseError.
func (d *Draft) apply(ctx context.Context, l *Local) (err error) {
	if d.place {
		d.file, err = l.openPlace(ctx, d.path)
		return err
	}
	d.old, err = l.openData(d.path, writing)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.file, err = newDraftFile(d.Name(), d.path)
	if err == nil && d.uid >= 0 {
		_ = d.file.Chown(d.uid, d.gid)
	}
	if err == nil {
		err = chmod(d.file, d.mode)
	}
	if err != nil {
		d.Discard()
	}
	return err
}

// openPlace opens what is no regular file for writing. A pipe waits for a reader.
func (l *Local) openPlace(ctx context.Context, path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Mode().Type() == fs.ModeDevice {
		return l.openData(path, writing)
	}
	var f *os.File
	_, err := waiting(ctx, func() (_ int, err error) {
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
		return 0, err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// newDraftFile makes a file that is nobody else's, and locks it, which tells it from one that a killed process has left. The path
// is for messages.
func newDraftFile(name, path string) (*os.File, error) {
	for range 5 {
		f, err := openAt(unix.AT_FDCWD, name, path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
		switch {
		case errors.Is(err, fs.ErrExist):
			if err = sweepDraft(name); errors.Is(err, fs.ErrExist) {
				return nil, &InUseError{Path: path}
			}
		case err == nil:
			if err = flock(f); err == nil && isAt(f, name) {
				return f, nil
			}
			f.Close()
			if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
				continue // somebody takes it for left, and away
			}
			_ = unix.Unlink(name)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, &InUseError{Path: path} // others come and go
}

// sweepDraft removes what a killed process has left. One that is being written is an error that wraps fs.ErrExist.
func sweepDraft(name string) error {
	f, err := openAt(unix.AT_FDCWD, name, name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := flock(f); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil || !isAt(f, name) {
		return err
	}
	return pathError("remove", name, unix.Unlink(name))
}

// isAt tells whether an open file still has its name.
func isAt(f *os.File, name string) bool {
	here, err := f.Stat()
	there, otherErr := os.Lstat(name)
	return err == nil && otherErr == nil && os.SameFile(here, there)
}

// Discard removes a draft that was not published. What was written in its place stays.
func (d *Draft) Discard() {
	if d.file != nil && !d.place {
		_ = unix.Unlink(d.Name())
	}
	d.close()
}

func (d *Draft) close() {
	for _, f := range []*os.File{d.file, d.old} {
		if f != nil {
			f.Close()
		}
	}
	d.file, d.old = nil, nil
}

// Publish moves a draft to its place, when all that is in it is on the disk.
type Publish struct{ Draft *Draft }

// Shell implements Step.
func (p Publish) Shell() string {
	if p.Draft.place {
		return fmt.Sprintf("[ ! -b %[1]s ] || sync -- %[1]s", Quote(p.Draft.path))
	}
	return fmt.Sprintf("sync %[1]s && mv -fT -- %[1]s %[2]s", Quote(p.Draft.Name()), Quote(p.Draft.path))
}

func (p Publish) apply(context.Context, *Local) error {
	d := p.Draft
	err := d.file.Sync()
	if d.place && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP)) { // a pipe or a terminal
		err = nil
	}
	if err == nil && !d.place {
		err = pathError("rename to", d.path, again(func() error { return unix.Rename(d.Name(), d.path) }))
	}
	if err != nil {
		return err
	}
	err = d.file.Close()
	d.file = nil
	d.close()
	if err == nil && !d.place {
		err = syncDir(filepath.Dir(d.path))
	}
	return err
}
